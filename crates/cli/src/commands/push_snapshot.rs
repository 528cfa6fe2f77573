//! `sluice push-snapshot`: what the managed push task runs. The work is `sluice_delivery::publish`; this gives it the
//! step's registry client and tells what was published.

use super::validate::step_client;
use crate::args::PushSnapshot;
use crate::error::{CliError, Exit, Result};

/// Runs the command.
///
/// # Errors
/// Exit 2 when a file or the release data is malformed, 1 when an image lacks something or the registry refuses.
pub async fn run(args: PushSnapshot) -> Result {
    let client = step_client()?;
    let published = sluice_delivery::publish::push_snapshot(&client, &args.snapshot, &args.data, &args.results)
        .await
        .map_err(refused)?;
    for image in published {
        for url in image.urls {
            println!("{url}@{}", image.shasum);
        }
    }
    Ok(())
}

fn refused(error: sluice_delivery::publish::PublishError) -> CliError {
    use sluice_delivery::publish::PublishError::{File, Mapping};
    let exit = if matches!(error, File { .. } | Mapping(_)) { Exit::Usage } else { Exit::No };
    let text = error.to_string();
    match text.split_once("\n\n") {
        Some((message, hint)) => CliError::new(exit, message).hint(hint),
        None => CliError::new(exit, text),
    }
}
