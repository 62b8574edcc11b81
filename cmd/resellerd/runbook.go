package main

import (
	"context"
	"log/slog"
)

// runbookPage is where each error line says to read on.
const runbookPage = "deploy/RUNBOOKS.md#"

const otherLines = "other-error-lines"

// runbookOf is the section of the page about an error line, by its message.
var runbookOf = map[string]string{
	"a setting cannot be read again; the old one stays in force": "resellerdsettingnotread",

	"not ready":       "resellerddatabasedown",
	"request refused": "resellerdavailabilityburnsfast",
	"the database lacks commits that this process has read, so an older copy has replaced it: all caches are dropped": "resellerdhistorylost",

	"no decision could be made": "resellerddecisionerrors",
	"no filter could be made":   "resellerddecisionerrors",

	"decision log entry cannot be masked":              "resellerdlogdropping",
	"decision log cannot be written":                   "resellerdlogstuck",
	"decision log cannot be made durable":              "resellerdlogstuck",
	"policy refused; the one in force stays":           "resellerdpolicypinned",
	"policy cannot be read; the one in force stays":    "resellerdpolicypinned",
	"policy cannot be checked; the one in force stays": "resellerdpolicypinned",

	"the pinned policy cannot be put in force; the one in force stays":           "resellerdpolicypinned",
	"the policy in force cannot be kept, so it cannot be pinned after a restart": "resellerdpolicypinned",

	"schedules are late; they are tried again": "resellerdschedulelate",
	"webhooks are late; they are tried again":  "resellerdwebhooklate",
	"a webhook is late; it is tried again":     "resellerdwebhooklate",

	"unused rates are not deleted":                            otherLines,
	"old data is not deleted; it is tried again in six hours": otherLines,
	"a streamed answer was cut off":                           otherLines,
	"some metrics cannot be read":                             otherLines,
	"the accounts above a user cannot be read":                otherLines,
	"OPA's plugins are not running":                           otherLines,
	"no connection can be accepted; trying again: raise the limit of open files, or close connections":           otherLines,
	"the file of the database was deleted or replaced: no data is served and nothing is written until a restart": otherLines,
}

// runbooks adds to each error where to read what it means and what to do.
type runbooks struct{ slog.Handler }

// Handle implements slog.Handler.
func (h runbooks) Handle(ctx context.Context, r slog.Record) error {
	if section, ok := runbookOf[r.Message]; ok && r.Level >= slog.LevelError {
		r = r.Clone()
		r.AddAttrs(slog.String("runbook", runbookPage+section))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h runbooks) WithAttrs(attrs []slog.Attr) slog.Handler {
	return runbooks{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h runbooks) WithGroup(name string) slog.Handler { return runbooks{h.Handler.WithGroup(name)} }
