package policies

// Facts is what the store knows about a user. Build it with NewFacts; it is
// immutable then and may be shared by requests.
type Facts struct {
	User    map[string]any
	Account AccountFacts
	Access  map[string][]string
	Groups  int
	Below   func(accountID string) bool
	Leaf    bool

	profile string // key of everything that plans are compiled with
}

// AccountFacts describes the account that a user belongs to. ParentID is empty
// for a master. Kind is "master" or "reseller"; Status is the effective one,
// "active", "suspended" or "closed".
type AccountFacts struct {
	ID, ParentID, TenantID string
	Kind, Status           string
	Depth                  int
}

// NewFacts completes facts for use in decisions and returns them. The caller
// must not change f, nor the maps and slices in it, afterwards.
//
// User holds the user's own values (id, external_id, status, account_id, …):
// texts, booleans and numbers, or lists of texts. Access is the effective
// access per area, with "*" for the default. Below may be nil: then only the
// user's own account lies below it.
func NewFacts(f Facts) *Facts {
	return &f
}
