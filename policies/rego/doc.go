// Package rego compiles a tree of Rego files and evaluates queries to it, in
// whole and in part. It also answers which rules of a tree lead to which.
package rego
