package release

deny contains msg if {
	some task in input.tasks
	task.network != "none"
	msg := sprintf("%s had a network", [task.name])
}

deny contains "not signed" if not input.image.signed
