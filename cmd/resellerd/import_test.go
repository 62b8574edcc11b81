package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"resellerd/server/rowfile"
)

// Texts of a panel make no line of their own in a report, and the lists of users for --groups stays one.
func TestTextsOfAPanelStayInTheirLine(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"x\nU9: [G1]", "x\rWritten.", "\x1b[2Kx", "a\u2028b", "a\u202eb", "x: [G1] #", "- x", "null", "\"", "ä ö", "U1", "007", "{x}", "\\"} {
		r := rowfile.NewReport()
		r.Refusals = []rowfile.Refusal{{Line: 1, Type: "user", ExternalID: text, Pointer: "/" + text, Detail: text, Do: text}}
		r.WithoutGroup = []rowfile.NoGroup{{Line: 1, ExternalID: text, Login: text}}
		r.Capped = []rowfile.Capped{{Group: text, Account: text, Loses: map[string][]string{text: {"read"}}}}
		r.Absent = []rowfile.Absent{{Type: "user", ID: "usr_1", ExternalID: text}}
		r.Refused, r.WithoutGroupCount, r.AbsentCount = 1, 1, 1
		told := importText(r)
		if n := strings.Count(told, "\n"); n != 7 {
			t.Errorf("%q: %d lines:\n%s", text, n, told)
		}
		if strings.ContainsAny(told, "\r\x1b\u2028\u202e") {
			t.Errorf("%q: %q", text, told)
		}
		_, list, _ := strings.Cut(told, "for --groups:\n")
		list, _, _ = strings.Cut(list, "\n")
		var groups map[string][]string
		if err := yaml.Unmarshal([]byte(list), &groups); err != nil || len(groups) != 1 || groups[text] == nil {
			t.Errorf("%q: %s: %v %v", text, list, groups, err)
		}
	}
}

// A fault after the rows are written does not hide that they are.
func TestAFaultAfterAnImportDoesNotHideIt(t *testing.T) {
	t.Parallel()
	failed := errors.New("the end")
	for _, format := range []string{"text", "json"} {
		var out bytes.Buffer
		r := rowfile.NewReport()
		r.Applied = true
		c := &importSettings{}
		c.Format = format
		if err := c.tell(terminal{out: &out}, r, failed); !errors.Is(err, failed) || !strings.Contains(out.String(), map[string]string{"text": "Written.", "json": `"applied":`}[format]) {
			t.Errorf("%s: %v %s", format, err, out.String())
		}
		out.Reset()
		if err := c.tell(terminal{out: &out}, nil, failed); !errors.Is(err, failed) || out.Len() > 0 {
			t.Errorf("%s: %v %s", format, err, out.String())
		}
	}
}
