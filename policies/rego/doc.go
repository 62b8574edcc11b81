// Package rego compiles a tree of Rego files and evaluates queries on it,
// fully or partially. It also finds the rules that a rule depends on.
package rego
