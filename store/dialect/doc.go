// Package dialect knows the two databases: how to connect to each, what each can
// do, the SQL for it, and the meaning of its errors. Callers ask what a database
// can do, never what it is called.
package dialect
