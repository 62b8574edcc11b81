# equal
# A constant that a literal would end at.
package reseller.main

allow if input.resource.name == "it's \"quoted\"; --"
