package rowfile

import (
	"slices"
	"strings"
)

// MaxListed is how many lines, rows or losses each list of a report has at most. The
// numbers of a report count all.
const MaxListed = 1000

// maxText is how many bytes of a text of the file a report repeats.
const maxText = 1000

// Report says what an import does, or would do.
type Report struct {
	Applied bool    `json:"applied"`
	Lines   int     `json:"lines"`
	Types   []Count `json:"types"` // those that the file has, in the order of Kinds

	// Untried are the rows that a dry run only compared. The writing may still refuse them.
	Untried int `json:"untried"`

	Refused  int       `json:"refused"`
	Refusals []Refusal `json:"refusals"`
	// Orphans are the refused lines whose owner is in neither the file nor resellerd.
	Orphans     []int `json:"orphans"`
	OrphanCount int   `json:"orphan_count"`
	// WithoutGroup are the users of the file whom no group is named for.
	WithoutGroup      []NoGroup `json:"without_group"`
	WithoutGroupCount int       `json:"without_group_count"`
	// Capped are the groups that give users of a reseller more than the reseller may have.
	Capped []Capped `json:"capped"`
	// CappedCut says that the file has more groups and accounts than an import compares.
	CappedCut bool `json:"capped_cut"`
	// Absent are the stored rows of the types of the file that the file does not have. An
	// import leaves them as they are.
	Absent      []Absent `json:"absent"`
	AbsentCount int      `json:"absent_count"`
}

// NewReport returns a report about no line.
func NewReport() *Report {
	return &Report{Types: []Count{}, Refusals: []Refusal{}, Orphans: []int{}, WithoutGroup: []NoGroup{}, Capped: []Capped{}, Absent: []Absent{}}
}

// Clone returns a copy of the report.
func (r *Report) Clone() *Report {
	c := *r
	c.Types, c.Refusals, c.Orphans = slices.Clone(r.Types), slices.Clone(r.Refusals), slices.Clone(r.Orphans)
	c.WithoutGroup, c.Capped, c.Absent = slices.Clone(r.WithoutGroup), slices.Clone(r.Capped), slices.Clone(r.Absent)
	return &c
}

// Count counts the lines of a type.
type Count struct {
	Type      string `json:"type"`
	Created   int    `json:"created"`
	Changed   int    `json:"changed"`
	Unchanged int    `json:"unchanged"`
	Refused   int    `json:"refused"`
}

// Refusal is a line that cannot be imported.
type Refusal struct {
	Line       int    `json:"line"`
	Type       string `json:"type,omitempty"`
	ExternalID string `json:"external_id,omitempty"`
	Pointer    string `json:"pointer"` // to the field, RFC 6901; "" for the whole line
	Detail     string `json:"detail"`
	Do         string `json:"do"` // what to do

	orphan  bool
	noGroup *NoGroup
}

// NoGroup is a user without a group.
type NoGroup struct {
	Line       int    `json:"line"`
	ExternalID string `json:"external_id"`
	Login      string `json:"login"`
}

// Capped is a group whose access a ceiling limits for the users of an account.
type Capped struct {
	Group   string              `json:"group"`   // its external id, or its id
	Account string              `json:"account"` // its external id, or its id
	Loses   map[string][]string `json:"loses"`   // the actions by area that the group gives and the ceilings take
}

// Absent is a stored row that the file lacks.
type Absent struct {
	Type       string `json:"type"`
	ID         string `json:"id"`
	ExternalID string `json:"external_id"`
}

// The results of a line.
const (
	Created = iota
	Changed
	Unchanged
	Refused
)

// Count counts a line of a type.
func (r *Report) Count(typ string, result int) {
	for i := range r.Types {
		c := &r.Types[i]
		if c.Type == typ {
			*[]*int{&c.Created, &c.Changed, &c.Unchanged, &c.Refused}[result]++
			return
		}
	}
	r.Types = append(r.Types, Count{Type: typ})
	slices.SortFunc(r.Types, func(a, b Count) int { return kindOf(a.Type) - kindOf(b.Type) })
	r.Count(typ, result)
}

// Refuse adds a refused line.
func (r *Report) Refuse(one Refusal) {
	r.Refused++
	if one.Type != "" {
		r.Count(one.Type, Refused)
	}
	one.ExternalID, one.Pointer, one.Detail = clip(one.ExternalID), clip(one.Pointer), clip(one.Detail)
	r.Refusals = listed(r.Refusals, one)
	if one.noGroup != nil {
		r.WithoutGroupCount++
		one.noGroup.Login = clip(one.noGroup.Login)
		r.WithoutGroup = listed(r.WithoutGroup, *one.noGroup)
	}
	if one.orphan {
		r.OrphanCount++
		r.Orphans = listed(r.Orphans, one.Line)
	}
}

func (r *Report) absent(one Absent) {
	r.AbsentCount++
	r.Absent = listed(r.Absent, one)
}

func listed[T any](list []T, one T) []T {
	if len(list) == MaxListed {
		return list
	}
	return append(list, one)
}

// clip cuts a long text.
func clip(text string) string {
	if len(text) <= maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText], "") + "…"
}
