//! Which ReleasePlanAdmission serves a ReleasePlan. Pure, and the one place that says so. On every path the admission
//! must name the plan's namespace as its origin and the plan's application in its list: pinning an admission by label
//! picks one, it opens nothing.

use sluice_api::konflux::{ReleasePlan, ReleasePlanAdmission};
use sluice_api::konflux_labels as labels;
use sluice_api::meta::Extra;

/// Why a plan has no admission.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoMatch {
    #[error("releasePlan has no target, so no ReleasePlanAdmissions can be found")]
    NoTarget,
    #[error("releaseplanadmissions.appstudio.redhat.com \"{name}\" not found")]
    NotFound { name: String },
    #[error(
        "releasePlan ({plan}) targets releasePlanAdmission ({admission}) by label, but the Origin of the \
         releasePlanAdmission ({origin}) does not match the namespace of the releasePlan ({namespace})"
    )]
    OtherOrigin { plan: String, admission: String, origin: String, namespace: String },
    #[error(
        "releasePlan ({plan}) targets releasePlanAdmission ({admission}) by label, but the releasePlanAdmission does \
         not list '{application}'"
    )]
    NotListed { plan: String, admission: String, application: String },
    #[error("multiple ReleasePlanAdmissions found in namespace ({target}) with the origin ({origin}) for '{group}'")]
    Many { target: String, origin: String, group: String },
    #[error("no ReleasePlanAdmission found in namespace ({target}) with the origin ({origin}) for '{group}'")]
    None { target: String, origin: String, group: String },
    #[error("found ReleasePlanAdmission '{name}' with block-releases label set to true")]
    Blocked { name: String },
}

/// The admission of a plan among those in its target namespace, blocked or not.
pub(crate) fn admission_of<'a>(
    plan: &ReleasePlan,
    in_target: &'a [ReleasePlanAdmission],
) -> Result<&'a ReleasePlanAdmission, NoMatch> {
    let (target, origin) = (&plan.spec.target, &plan.metadata.namespace);
    if target.is_empty() {
        return Err(NoMatch::NoTarget);
    }
    let in_target = in_target.iter().filter(|a| a.metadata.namespace == *target);
    if let Some(pinned) = plan.metadata.labels.get(labels::RELEASE_PLAN_ADMISSION).filter(|l| !l.is_empty()) {
        let mut in_target = in_target;
        let admission =
            in_target.find(|a| a.metadata.name == *pinned).ok_or_else(|| NoMatch::NotFound { name: pinned.clone() })?;
        let plan_name = plan.metadata.name.clone();
        if admission.spec.origin != *origin {
            return Err(NoMatch::OtherOrigin {
                plan: plan_name,
                admission: pinned.clone(),
                origin: admission.spec.origin.clone(),
                namespace: origin.clone(),
            });
        }
        if !lists(admission, plan) {
            return Err(NoMatch::NotListed { plan: plan_name, admission: pinned.clone(), application: group(plan) });
        }
        return Ok(admission);
    }
    let mut found = in_target.filter(|a| a.spec.origin == *origin && lists(a, plan));
    match (found.next(), found.next()) {
        (Some(admission), None) => Ok(admission),
        (Some(_), Some(_)) => Err(NoMatch::Many { target: target.clone(), origin: origin.clone(), group: group(plan) }),
        (None, _) => Err(NoMatch::None { target: target.clone(), origin: origin.clone(), group: group(plan) }),
    }
}

/// The admission of a plan, if it lets releases through.
pub(crate) fn active_admission_of<'a>(
    plan: &ReleasePlan,
    in_target: &'a [ReleasePlanAdmission],
) -> Result<&'a ReleasePlanAdmission, NoMatch> {
    let admission = admission_of(plan, in_target)?;
    if is_active(admission) { Ok(admission) } else { Err(NoMatch::Blocked { name: admission.metadata.name.clone() }) }
}

/// Not blocked: the label is absent or `false`. Anything else blocks, also what admission would refuse.
pub(crate) fn is_active(admission: &ReleasePlanAdmission) -> bool {
    admission.metadata.labels.get(labels::BLOCK_RELEASES).is_none_or(|v| v == "false")
}

/// The plans that an admission serves, by name.
pub(crate) fn plans_of<'a>(
    admission: &ReleasePlanAdmission,
    plans: &'a [ReleasePlan],
    in_target: &[ReleasePlanAdmission],
) -> Vec<&'a ReleasePlan> {
    let mut served: Vec<&ReleasePlan> = plans
        .iter()
        .filter(|plan| {
            plan.metadata.namespace == admission.spec.origin
                && plan.spec.target == admission.metadata.namespace
                && admission_of(plan, in_target).is_ok_and(|a| a.metadata.name == admission.metadata.name)
        })
        .collect();
    served.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
    served
}

/// The application or component group of a plan, as messages name it.
pub(crate) fn group(plan: &ReleasePlan) -> String {
    if plan.spec.application.is_empty() {
        component_group(&plan.spec.extra).to_owned()
    } else {
        plan.spec.application.clone()
    }
}

/// `componentGroup` of a spec, or nothing.
pub(crate) fn component_group(extra: &Extra) -> &str {
    extra.get("componentGroup").and_then(|g| g.as_str()).unwrap_or_default()
}

fn lists(admission: &ReleasePlanAdmission, plan: &ReleasePlan) -> bool {
    if !plan.spec.application.is_empty() {
        return admission.spec.applications.contains(&plan.spec.application);
    }
    let group = component_group(&plan.spec.extra);
    let groups = admission.spec.extra.get("componentGroups").and_then(|g| g.as_array());
    !group.is_empty() && groups.is_some_and(|g| g.iter().any(|g| g.as_str() == Some(group)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use serde_json::{Value, json};

    fn plan(name: &str, spec: Value, pinned: Option<&str>) -> ReleasePlan {
        let labels = pinned.map(|p| json!({labels::RELEASE_PLAN_ADMISSION: p})).unwrap_or_else(|| json!({}));
        serde_json::from_value(json!({"metadata": {"name": name, "namespace": "acme", "labels": labels}, "spec": spec}))
            .unwrap()
    }

    fn admission(name: &str, origin: &str, applications: &[&str], blocked: &str) -> ReleasePlanAdmission {
        serde_json::from_value(json!({
            "metadata": {"name": name, "namespace": "managed", "labels": {labels::BLOCK_RELEASES: blocked}},
            "spec": {"applications": applications, "origin": origin, "policy": "p"},
        }))
        .unwrap()
    }

    fn answer(plan: &ReleasePlan, admissions: &[ReleasePlanAdmission]) -> String {
        match active_admission_of(plan, admissions) {
            Ok(admission) => format!("= {}", admission.metadata.name),
            Err(reason) => reason.to_string(),
        }
    }

    #[test]
    fn a_plan_finds_its_admission() {
        let hello = json!({"application": "hello", "target": "managed"});
        let both = [admission("a", "acme", &["hello"], "false"), admission("b", "acme", &["hello", "x"], "false")];
        let table: Vec<(ReleasePlan, Vec<ReleasePlanAdmission>, &str)> = vec![
            (plan("p", hello.clone(), None), vec![both[0].clone()], "= a"),
            (
                plan("p", json!({"application": "hello"}), None),
                both.to_vec(),
                "releasePlan has no target, so no ReleasePlanAdmissions can be found",
            ),
            (
                plan("p", json!({"application": "hello"}), Some("a")),
                both.to_vec(),
                "releasePlan has no target, so no ReleasePlanAdmissions can be found",
            ),
            (
                plan("p", hello.clone(), None),
                both.to_vec(),
                "multiple ReleasePlanAdmissions found in namespace (managed) with the origin (acme) for 'hello'",
            ),
            (plan("p", hello.clone(), Some("b")), both.to_vec(), "= b"),
            (
                plan("p", hello.clone(), Some("c")),
                both.to_vec(),
                "releaseplanadmissions.appstudio.redhat.com \"c\" not found",
            ),
            (
                plan("p", hello.clone(), None),
                vec![admission("a", "other", &["hello"], "false")],
                "no ReleasePlanAdmission found in namespace (managed) with the origin (acme) for 'hello'",
            ),
            (
                plan("p", hello.clone(), Some("a")),
                vec![admission("a", "other", &["hello"], "false")],
                "releasePlan (p) targets releasePlanAdmission (a) by label, but the Origin of the releasePlanAdmission \
                 (other) does not match the namespace of the releasePlan (acme)",
            ),
            // Upstream matches here.
            (
                plan("p", hello.clone(), Some("a")),
                vec![admission("a", "acme", &["other"], "false")],
                "releasePlan (p) targets releasePlanAdmission (a) by label, but the releasePlanAdmission does not list \
                 'hello'",
            ),
            (
                plan("p", hello.clone(), None),
                vec![admission("a", "acme", &["hello"], "true")],
                "found ReleasePlanAdmission 'a' with block-releases label set to true",
            ),
            (
                plan("p", hello.clone(), None),
                vec![admission("a", "acme", &["hello"], "TRUE")],
                "found ReleasePlanAdmission 'a' with block-releases label set to true",
            ),
            // Two empty names are not the same group.
            (
                plan("p", json!({"target": "managed"}), None),
                vec![admission("a", "acme", &[], "false")],
                "no ReleasePlanAdmission found in namespace (managed) with the origin (acme) for ''",
            ),
        ];
        for (plan, admissions, want) in table {
            assert_eq!(answer(&plan, &admissions), want);
        }
    }

    #[test]
    fn component_groups_match_by_name() {
        let plan = plan("p", json!({"componentGroup": "g", "target": "managed"}), None);
        let mut admission = admission("a", "acme", &[], "false");
        admission.spec.extra.insert("componentGroups".to_owned(), json!(["g"]));
        assert_eq!(answer(&plan, &[admission]), "= a");
    }

    #[test]
    fn an_admission_lists_the_plans_that_chose_it() {
        let hello = json!({"application": "hello", "target": "managed"});
        let plans = [
            plan("z", hello.clone(), Some("a")),
            plan("b", hello.clone(), Some("b")),
            plan("elsewhere", json!({"application": "hello", "target": "other"}), None),
            plan("a", hello.clone(), Some("a")),
        ];
        let admissions = [admission("a", "acme", &["hello"], "false"), admission("b", "acme", &["hello"], "false")];
        let names = |i: usize| -> Vec<&str> {
            plans_of(&admissions[i], &plans, &admissions).into_iter().map(|p| p.metadata.name.as_str()).collect()
        };
        assert_eq!(names(0), ["a", "z"]);
        assert_eq!(names(1), ["b"]);
    }
}
