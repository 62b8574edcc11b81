// Package dialect knows the two databases: how to connect to each, what it can do
// and how that is written, and what its errors mean. Who uses it asks what a
// database can do, never what it is called.
package dialect
