package rowfile

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// planned reads lines and returns the external ids in the order of the plan.
func plannedOf(t *testing.T, limit int, lines ...string) (order []string, report *Report) {
	t.Helper()
	names := NewNames("acc_own", time.Now())
	report = NewReport()
	join := NewJoin(names, report)
	defer join.Close()
	if err := join.Read(strings.NewReader(strings.Join(lines, "\n")), func(int) {}); err != nil {
		t.Fatal(err)
	}
	p := &planning{j: join, waiting: map[string][]waiting{}, limit: limit, fn: func(r *Resolved, _ map[string]any) error {
		order = append(order, r.Name)
		return nil
	}}
	if err := p.all(); err != nil {
		t.Fatal(err)
	}
	return order, report
}

// An account comes after the account above it, in any order of names, and however many
// there are.
func TestAnAccountComesAfterTheOneAboveIt(t *testing.T) {
	t.Parallel()
	const n = 20_000
	var lines []string
	for i := range n - 1 {
		lines = append(lines, fmt.Sprintf(`{"type":"account","external_id":"R%05d","parent":"R%05d"}`, i, i+1))
	}
	lines = append(lines, fmt.Sprintf(`{"type":"account","external_id":"R%05d"}`, n-1), `{"type":"account","external_id":"lost","parent":"nowhere"}`,
		`{"type":"customer","external_id":"K1","account":"R00000"}`)
	order, report := plannedOf(t, maxWaiting, lines...)
	if len(order) != n+1 || order[0] != fmt.Sprintf("R%05d", n-1) || order[n-1] != "R00000" || order[n] != "K1" {
		t.Errorf("%d: %v … %v", len(order), order[0], order[len(order)-1])
	}
	if report.Refused != 1 || report.OrphanCount != 1 {
		t.Errorf("%+v", report)
	}
}

// Accounts that wait for others have a limit of bytes. It refuses, and never forgets.
func TestAccountsThatWaitAreBounded(t *testing.T) {
	t.Parallel()
	var lines []string
	for i := range 100 {
		lines = append(lines, fmt.Sprintf(`{"type":"account","external_id":"A%03d","parent":"Z","name":%q}`, i, strings.Repeat("x", 1000)))
	}
	order, report := plannedOf(t, 50_000, append(lines, `{"type":"account","external_id":"Z"}`)...)
	if len(order)+report.Refused != 101 || report.Refused < 50 || report.Refused > 60 {
		t.Errorf("%d are planned, %d are refused", len(order), report.Refused)
	}
}

// Each list of a report says how many it leaves out, and no text of a file is repeated
// without a limit.
func TestAReportIsBounded(t *testing.T) {
	t.Parallel()
	report := NewReport()
	long := strings.Repeat("ä", 100_000)
	for i := range MaxListed + 5 {
		report.Refuse(Refusal{Line: i, Type: "user", ExternalID: long, Pointer: "/" + long, Detail: long, orphan: true, noGroup: &NoGroup{i, "U", long}})
		report.absent(Absent{})
	}
	for name, n := range map[string][2]int{"refusals": {len(report.Refusals), report.Refused}, "orphans": {len(report.Orphans), report.OrphanCount},
		"without a group": {len(report.WithoutGroup), report.WithoutGroupCount}, "absent": {len(report.Absent), report.AbsentCount}} {
		if n != [2]int{MaxListed, MaxListed + 5} {
			t.Errorf("%s: %v", name, n)
		}
	}
	if x := report.Refusals[0]; len(x.ExternalID)+len(x.Pointer)+len(x.Detail)+len(report.WithoutGroup[0].Login) > 4*(maxText+3) {
		t.Errorf("%d bytes", len(x.Detail))
	}
}
