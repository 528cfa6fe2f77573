//! The supervisor as the engine sees it: requests go out over the channel, notices come in.

use super::channel::Channel;
use super::message::{FromControl, ToControl};
use sluice_api::runner::{Notice, Request};
use sluice_engine::Launcher;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Sends what the engine asks, in order, and hands on what comes back.
#[derive(Debug)]
pub struct ChannelLauncher {
    requests: UnboundedSender<Request>,
    notices: Mutex<Option<UnboundedSender<Notice>>>,
}

impl ChannelLauncher {
    /// Starts the two directions. `gone` is called when the supervisor is gone, which ends this process.
    pub fn start(channel: Arc<Channel>, gone: impl FnOnce() + Send + 'static) -> Arc<Self> {
        let (requests, mut outgoing) = unbounded_channel();
        let launcher = Arc::new(Self { requests, notices: Mutex::default() });
        let out = channel.clone();
        tokio::spawn(async move {
            while let Some(request) = outgoing.recv().await {
                if let Err(e) = out.send(&FromControl::Runner { request }).await {
                    tracing::error!("asking the supervisor: {e}");
                    return;
                }
            }
        });
        let incoming = launcher.clone();
        tokio::spawn(async move {
            while let Ok(Some(message)) = channel.recv::<ToControl>().await {
                if let ToControl::Runner { notice } = message {
                    incoming.hand_on(notice);
                }
            }
            gone();
        });
        launcher
    }

    fn hand_on(&self, notice: Notice) {
        let receiver = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = receiver.as_ref() {
            // Nobody listening is as good as a notice lost: state is read again from files.
            let _ = sender.send(notice);
        }
    }
}

impl Launcher for ChannelLauncher {
    fn send(&self, request: Request) -> Result<(), String> {
        self.requests.send(request).map_err(|_| "the supervisor is gone".to_owned())
    }

    fn notices(&self) -> UnboundedReceiver<Notice> {
        let (sender, receiver) = unbounded_channel();
        *self.notices.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        receiver
    }
}
