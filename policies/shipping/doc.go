// Package shipping puts policy trees into force. A tree comes from a watched
// directory, a watched bundle file, or bundles that OPA's own plugins fetch.
// Each new tree becomes an immutable policies.Engine. It replaces the engine
// in force only after the whole tree has passed all checks.
package shipping
