// Package identity finds out who calls: panel tokens with their scopes, and
// users' tokens. It also seals what callers carry for us, such as cursors.
package identity
