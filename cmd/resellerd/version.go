package main

import (
	"fmt"
	"runtime/debug"
	"strings"

	"resellerd/server"
)

// version and commit are set by the linker for a release: -X main.version=1.2.3.
var version, commit string

type versionCommand struct {
	Format string `help:"Output format: text or json." enum:"text,json" default:"text"`
}

// versionReport is what `resellerd version --format json` prints.
type versionReport struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Go      string `json:"go"`
}

// Run prints the version, the commit and the Go version of the build.
func (c *versionCommand) Run(t terminal) error {
	report := buildVersion()
	if c.Format == "json" {
		return printJSON(t.out, report)
	}
	words := []string{"resellerd", report.Version, report.Go}
	if report.Commit != "" {
		words = append(words, report.Commit)
	}
	_, err := fmt.Fprintln(t.out, strings.Join(words, " "))
	return err
}

// programBuild is the build for the metrics.
func programBuild() server.Build {
	v := buildVersion()
	return server.Build{Version: v.Version, Commit: v.Commit}
}

func buildVersion() versionReport {
	report := versionReport{Version: version, Commit: commit}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return report
	}
	report.Go = info.GoVersion
	if report.Version == "" {
		report.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && commit == "" {
			report.Commit = s.Value
		}
	}
	return report
}
