// Package identity identifies callers by panel tokens with scopes and by users'
// tokens. It also seals values that callers carry for resellerd, such as cursors.
package identity
