package policies

// Outcome is the result of a decision.
type Outcome string

// The outcomes of a Decision or Plan. OutcomeError is a denial: no decision could
// be made.
const (
	OutcomeAllow Outcome = "allow"
	OutcomeDeny  Outcome = "deny"
	OutcomeError Outcome = "error"
)

// Decision is the answer for one input. Reasons and Columns are sorted. View and
// Columns are empty unless Allow is true. Err is set only for OutcomeError, and
// Allow is false then. Warm is true if a cached plan answered.
type Decision struct {
	Allow   bool
	Outcome Outcome
	Reasons []string
	View    string
	Columns []string
	Err     error
	Warm    bool
}

func failed(err error) Decision {
	return Decision{Outcome: OutcomeError, Err: err}
}

// ReasonNotVisible is the reason for denying a row that the user cannot see. The
// denial reveals no more than a denial about a row that does not exist.
const ReasonNotVisible = "not_visible"

// Absent is the decision about a row that does not exist. d is the policy's
// decision about a row without an owner. If d allows, the row is denied as not
// visible.
func Absent(d Decision) Decision {
	if d.Allow {
		return Decision{Outcome: OutcomeDeny, Reasons: []string{ReasonNotVisible}}
	}
	return d
}
