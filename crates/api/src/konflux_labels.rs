//! Names of the labels and annotations by which the Konflux services talk to each other. Names only: what they mean to
//! a controller is that controller's business.

pub const APPLICATION: &str = "appstudio.openshift.io/application";
pub const COMPONENT_GROUP: &str = "appstudio.openshift.io/component-group";
pub const COMPONENT: &str = "appstudio.openshift.io/component";
pub const SNAPSHOT: &str = "appstudio.openshift.io/snapshot";
pub const SERVICE: &str = "appstudio.openshift.io/service";
pub const BUILD_PIPELINE_RUN: &str = "appstudio.openshift.io/build-pipelinerun";

/// `build`, `test` or `managed`.
pub const PIPELINE_TYPE: &str = "pipelines.appstudio.openshift.io/type";

pub const SNAPSHOT_TYPE: &str = "test.appstudio.openshift.io/type";
pub const SCENARIO: &str = "test.appstudio.openshift.io/scenario";
pub const OPTIONAL: &str = "test.appstudio.openshift.io/optional";
pub const TEST_STATUS: &str = "test.appstudio.openshift.io/status";
pub const CREATE_SNAPSHOT_STATUS: &str = "test.appstudio.openshift.io/create-snapshot-status";
pub const RUN_START_TIME: &str = "test.appstudio.openshift.io/pipelinerunstarttime";
pub const RUN_FINISH_TIME: &str = "test.appstudio.openshift.io/pipelinerunfinishtime";
pub const INTEGRATION_WORKFLOW: &str = "test.appstudio.openshift.io/integration-workflow";
pub const SOURCE_REPO_URL: &str = "test.appstudio.openshift.io/source-repo-url";
/// Followed by the result's name in lower case with `-` for `_`.
pub const RESULT_PREFIX: &str = "test.appstudio.openshift.io/result-";
pub const ADDED_TO_GCL: &str = "test.appstudio.openshift.io/added-to-global-candidate-list";
pub const SNAPSHOT_PARAM_AS_NAME: &str = "test.appstudio.openshift.io/snapshot-param-as-name";

pub const PAC_PREFIX: &str = "pipelinesascode.tekton.dev/";
/// What `PAC_PREFIX` becomes on a Snapshot.
pub const PAC_TEST_PREFIX: &str = "pac.test.appstudio.openshift.io/";

pub const AUTO_RELEASE: &str = "release.appstudio.openshift.io/auto-release";
pub const AUTOMATED: &str = "release.appstudio.openshift.io/automated";
pub const AUTHOR: &str = "release.appstudio.openshift.io/author";
pub const STANDING_ATTRIBUTION: &str = "release.appstudio.openshift.io/standing-attribution";
pub const BLOCK_RELEASES: &str = "release.appstudio.openshift.io/block-releases";
pub const RELEASE_PLAN: &str = "release.appstudio.openshift.io/releasePlan";
pub const RELEASE_SNAPSHOT: &str = "release.appstudio.openshift.io/snapshot";
pub const RELEASE_PLAN_ADMISSION: &str = "release.appstudio.openshift.io/releasePlanAdmission";
pub const RELEASE_NAME: &str = "release.appstudio.openshift.io/name";
pub const RELEASE_NAMESPACE: &str = "release.appstudio.openshift.io/namespace";
pub const RELEASE_ATTEMPT: &str = "release.appstudio.openshift.io/attempt";

/// Set by the observer (as by Tekton Chains) when a run's statements are stored.
pub const SIGNED: &str = "chains.tekton.dev/signed";
