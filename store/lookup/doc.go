// Package lookup finds what every card that a viewer sees says of a phone number,
// and keeps the rates that this takes in a bounded memory. An answer from memory
// and one from the database differ in nothing but the time.
package lookup
