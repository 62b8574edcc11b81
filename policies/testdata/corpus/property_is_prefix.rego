# equal
# Startswith errs on anything but texts.
package reseller.main

allow if {
	startswith(input.resource.name, input.subject.properties.label)
}
