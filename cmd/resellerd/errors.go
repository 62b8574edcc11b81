package main

import (
	"errors"
	"fmt"
	"io"

	"resellerd/policies/rego"
	"resellerd/server"
	"resellerd/server/scenario"
)

// usageError is an error in the command line or the settings.
type usageError struct{ error }

// policyError means that a policy tree cannot be served.
type policyError struct{ error }

// testError means that a policy tree's tests fail.
type testError struct{ error }

// decideError means that a person has to decide.
type decideError struct{ error }

func testsFailed(err error) error { return testError{err} }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// complain prints an error as text.
func complain(w io.Writer, err error) { fmt.Fprintln(w, "resellerd:", err) }

// exitCode returns the process's exit code for an error.
func exitCode(err error) int {
	var usage usageError
	var setting server.SettingError
	var load *rego.LoadError
	var policy policyError
	var tests testError
	var scenarios *scenario.Error
	var flips flipError
	var decide decideError
	switch {
	case errors.As(err, &usage), errors.As(err, &setting):
		return exitUsage
	case errors.As(err, &decide):
		return exitDecide
	case errors.As(err, &load), errors.As(err, &policy):
		return exitPolicy
	case errors.As(err, &tests), errors.As(err, &scenarios), errors.As(err, &flips):
		return exitTests
	}
	return exitError
}
