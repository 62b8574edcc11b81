package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// rules lists the texts that differ from run to run, and their replacements in the
// corpus. Ids and times have rules of their own, because the demo's own ids and times
// stay.
var rules = []struct {
	name    string
	pattern *regexp.Regexp
	with    string
}{
	{"decision id", regexp.MustCompile(`"decision_id":\s*"[A-Z2-7]{26}(-\d+)?"`), `"decision_id":"<decision>"`},
	{"decision id in a header", regexp.MustCompile(`(?m)^Resellerd-Decision-Id: .+$`), "Resellerd-Decision-Id: <decision>"},
	{"sealed data revision", regexp.MustCompile(`(?m)^Resellerd-Revision: .+$`), "Resellerd-Revision: <revision>"},
	{"plan", regexp.MustCompile(`\bpln_[a-z2-7]{26}\b`), "<plan>"},
	{"policy revision", regexp.MustCompile(`\b[0-9a-f]{32}\b`), "<policy>"},
	{"id that a request without one gets", regexp.MustCompile(`(?m)^X-Request-Id: [A-Z2-7]{26}$`), "X-Request-Id: <request>"},
	{"entity tag in a header", regexp.MustCompile(`(?m)^Etag: .+$`), "Etag: <etag>"},
	{"entity tag of a row", regexp.MustCompile(`"etag":"(?:[^"\\]|\\.)*"`), `"etag":"<etag>"`},
	{"sealed cursor", regexp.MustCompile(`"(next|prev|cursor)":"[^"]+"`), `"$1":"<cursor>"`},
	{"duration", regexp.MustCompile(`\b\d+(\.\d+)?\s?(ns|µs|ms|s)\b`), "<duration>"},
	{"duration in JSON", regexp.MustCompile(`"(\w*(?:_ns|_ms|_seconds|nanoseconds))":\s*[\d.e+-]+`), `"$1":<duration>`},
	{"version of Go and of the build", regexp.MustCompile(`resellerd \S+ go\S+.*`), "resellerd <version>"},
	{"version in JSON", regexp.MustCompile(`"(version|go|commit)":\s*"[^"]+"`), `"$1":"<version>"`},
	{"budget, which the release did not tell", regexp.MustCompile(`(?m)^Ratelimit(-Policy)?: .+\n`), ""},
	{"rule for caches, which the release did not tell", regexp.MustCompile(`(?m)^Cache-Control: no-store\n`), ""},
	{"date of a file in an archive", regexp.MustCompile(`(?m)<dcterms:(created|modified)[^>]*>[^<]*`), "<dcterms:$1><now>"},
}

var (
	anyID   = regexp.MustCompile(`\b(acc|grp|usr|cus|crd|rev|aud|whk)_[a-z2-7]{26}\b`)
	anyTime = regexp.MustCompile(`\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
)

// normal makes texts of different runs comparable.
type normal struct {
	known map[string]bool // ids of the demo's own rows
	names map[string]string
	began time.Time
}

// text replaces everything in an answer that differs from run to run. It numbers an
// id of this run by its position in the answer, unless a case gave it a name.
func (n *normal) text(s string) string {
	for _, r := range rules {
		s = r.pattern.ReplaceAllString(s, r.with)
	}
	fresh := map[string]string{}
	s = anyID.ReplaceAllStringFunc(s, func(id string) string {
		if name, ok := n.names[id]; ok {
			return "$" + name
		}
		if n.known[id] {
			return id
		}
		if fresh[id] == "" {
			fresh[id] = fmt.Sprintf("<%s %d>", id[:3], len(fresh)+1)
		}
		return fresh[id]
	})
	s = anyTime.ReplaceAllStringFunc(s, func(at string) string {
		if moment, err := time.Parse(time.RFC3339Nano, at); err == nil && moment.After(n.began.Add(-time.Minute)) && moment.Before(n.began.Add(24*time.Hour)) {
			return "<now>"
		}
		return at
	})
	return trimmed(s)
}

// trimmed removes blanks at the ends of lines, so that YAML keeps the text in lines.
func trimmed(s string) string {
	lines := strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " \t")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// Limits of the recorded text of an answer. A hash replaces the rest.
const (
	mostLines = 40
	mostBytes = 3000
)

// cut shortens a long text to its beginning and a hash of the whole text.
func cut(s string) string {
	lines := strings.Split(s, "\n")
	if len(lines) <= mostLines && len(s) <= mostBytes {
		return s
	}
	head := strings.Join(lines[:min(len(lines), mostLines/4)], "\n")
	head = strings.ToValidUTF8(head[:min(len(head), mostBytes)], "")
	return fmt.Sprintf("%s\n… %d lines, SHA-256 %x", trimmed(head), len(lines), sha256.Sum256([]byte(s)))
}

// itemLines puts every item of a JSON list on its own line, and also every card of a
// look-up.
func itemLines(body string, sorted bool) string {
	var list struct {
		Items []json.RawMessage `json:"items"`
		Cards json.RawMessage   `json:"cards"`
	}
	if json.Unmarshal([]byte(body), &list) != nil {
		return body
	}
	if list.Items == nil && json.Unmarshal(list.Cards, &list.Items) != nil {
		return body // in the answer of a rebuild, cards is a number
	}
	if len(list.Items) < 2 {
		return body
	}
	lines := make([]string, len(list.Items))
	for i, item := range list.Items {
		lines[i] = string(item)
	}
	before, after, found := strings.Cut(body, strings.Join(lines, ","))
	if !found {
		return body
	}
	if sorted {
		slices.Sort(lines)
	}
	return before + "\n" + strings.Join(lines, ",\n") + "\n" + after
}
