package insight

import (
	"resellerd/policies"
	"resellerd/policies/predicate"
	"resellerd/server/session"
	"resellerd/store"
	"resellerd/store/schema"
)

// Explanation says why a decision was made. It contains nothing that its reader may
// not see.
type Explanation struct {
	DecisionID string `json:"decision_id,omitempty"`
	At         string `json:"at,omitempty" format:"date-time" description:"when it was decided"`
	User       string `json:"user,omitempty" description:"who acted"`
	PreviewOf  string `json:"preview_of,omitempty" description:"the user whose view this is"`
	Action     string `json:"action" required:"true"`
	Resource   Thing  `json:"resource" required:"true"`

	Decision string       `json:"decision" required:"true" enum:"allow,deny,error"`
	Reasons  []ReasonText `json:"reasons,omitempty" description:"the reasons for the refusal"`
	Note     string       `json:"note,omitempty" description:"the parts that the reader may not be told, and why"`
	Access   []AreaAccess `json:"access,omitempty" description:"the access that the user has now in the areas that matter here"`
	View     string       `json:"view,omitempty" description:"how a row is shown"`
	Shown    []string     `json:"shown,omitempty" description:"columns that are shown"`

	Policy *Grounds `json:"policy,omitempty" description:"for masters who may read the area policy"`
}

// Thing is the resource of the action.
type Thing struct {
	Type string `json:"type" required:"true"`
	ID   string `json:"id,omitempty" description:"absent for a list and for a row that the reader cannot see now"`
}

// ReasonText is a reason with the policy's title and description of it.
type ReasonText struct {
	Code        string `json:"code" required:"true"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
}

// Grounds say which rules of the policy led to a decision.
type Grounds struct {
	Revision string          `json:"revision" required:"true"`
	Rules    []RuleText      `json:"rules,omitempty" description:"the rules that allowed it, beginning at the entrypoint; or the rules that gave the reasons"`
	Failed   []ConditionText `json:"failed,omitempty" description:"from the entrypoint to the first condition that failed; that condition comes last"`
	Filter   *FilterText     `json:"filter,omitempty" description:"of a list"`
	Views    []CaseText      `json:"views,omitempty" description:"of a list: how its rows are shown"`
	Columns  []CaseText      `json:"columns,omitempty" description:"of a list: which columns are shown on which rows"`
	Hidden   []string        `json:"hidden,omitempty" description:"columns that are never shown"`
}

// RuleText is a rule of the policy.
type RuleText struct {
	Rule  string `json:"rule" required:"true"`
	Title string `json:"title,omitempty"`
	Code  string `json:"code,omitempty"`
	File  string `json:"file" required:"true"`
	Line  int    `json:"line" required:"true"`
	Text  string `json:"text" required:"true"`
	Depth int    `json:"depth" description:"the depth of nesting"`
}

// ConditionText is one condition of a rule.
type ConditionText struct {
	Rule  string     `json:"rule" required:"true"`
	Title string     `json:"title,omitempty"`
	File  string     `json:"file" required:"true"`
	Line  int        `json:"line" required:"true"`
	Text  string     `json:"text" required:"true"`
	Holds []RuleText `json:"holds,omitempty" description:"the condition that was true and should have been false"`
}

// FilterText describes which rows of a type a list shows.
type FilterText struct {
	Kind      string `json:"kind" required:"true" enum:"all,none,where"`
	Condition string `json:"condition,omitempty" description:"the condition on the row and the request"`
	Dialect   string `json:"dialect,omitempty"`
	SQL       string `json:"sql,omitempty" description:"the query that counts the rows, as it would be run"`
	Args      []any  `json:"args,omitempty"`
}

// CaseText says on which rows a view or some columns are shown.
type CaseText struct {
	View    string   `json:"view,omitempty"`
	Columns []string `json:"columns,omitempty"`
	When    string   `json:"when" required:"true"`
}

func ruleTexts(rules []policies.Rule) []RuleText {
	texts := make([]RuleText, len(rules))
	for i, r := range rules {
		texts[i] = RuleText{Rule: r.Name, Title: r.Title, Code: r.Code, File: r.File, Line: r.Line, Text: r.Text, Depth: r.Depth}
	}
	return texts
}

func conditionTexts(conditions []policies.Condition) []ConditionText {
	texts := make([]ConditionText, len(conditions))
	for i, c := range conditions {
		texts[i] = ConditionText{Rule: c.Rule, Title: c.Title, File: c.File, Line: c.Line, Text: c.Text, Holds: ruleTexts(c.Holds)}
	}
	return texts
}

// reasonTexts returns the reasons with the policy's METADATA. If one of them is "not
// visible", it returns only that one.
func reasonTexts(e *policies.Engine, codes []string) []ReasonText {
	known := e.Reasons()
	var texts []ReasonText
	for _, code := range codes {
		if code == policies.ReasonNotVisible {
			return []ReasonText{reasonText(known, code)}
		}
		texts = append(texts, reasonText(known, code))
	}
	return texts
}

func reasonText(known map[string]policies.Reason, code string) ReasonText {
	return ReasonText{Code: code, Title: known[code].Title, Description: known[code].Description}
}

// filterText describes the filter of a plan, and the SQL that the store runs for it.
func filterText(st *store.Store, p session.ReadPlan) (*FilterText, error) {
	f := &FilterText{Kind: kindText(p.Plan.Filter), Dialect: st.Dialect()}
	if p.Plan.Filter.Kind == predicate.Where {
		f.Condition = p.Plan.Filter.String()
	}
	if !typeListed(p.Type) {
		return f, nil
	}
	var err error
	f.SQL, f.Args, err = st.Statement(p.Query())
	return f, err
}

// typeListed reports whether the rows of a type have a list of their own.
func typeListed(typ string) bool {
	info := schema.Info(typ)
	return info.Name != "" && info.Through == ""
}

func kindText(f predicate.Filter) string {
	switch {
	case f.Kind == predicate.All:
		return "all"
	case f.Kind == predicate.Where && f.Where != nil:
		return "where"
	}
	return "none"
}

// caseTexts returns a plan's views and column groups with their conditions.
func caseTexts(plan *policies.Plan) (views, columns []CaseText) {
	for _, v := range plan.Views {
		views = append(views, CaseText{View: v.Name, When: whenText(v.When)})
	}
	for _, g := range plan.Columns {
		columns = append(columns, CaseText{Columns: g.Columns, When: whenText(g.When)})
	}
	return views, columns
}

func whenText(f predicate.Filter) string {
	if kind := kindText(f); kind != "where" {
		return map[string]string{"all": "always", "none": "never"}[kind]
	}
	return f.String()
}
