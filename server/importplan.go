package server

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"resellerd/store"
)

// ReasonPlanChanged says that applying a plan would write something else than its preview
// showed.
const ReasonPlanChanged = "plan_changed"

// Limits of the plans that are kept.
const (
	planTime     = time.Hour
	accountPlans = 16       // of one account
	leastPlan    = 64 << 10 // bytes that a plan counts for at least, so that disk also limits their number
)

// importPlan is what a preview showed to a user, with its file.
type importPlan struct {
	id, user, account, card string
	order                   importOrder
	upload                  importUpload
	rules                   string    // of the profile
	until                   time.Time // when it is no longer kept

	uses int // requests that read the file, and one while the plan is kept
}

// importUpload is the file of an import, and the hint at its format.
type importUpload struct {
	file      *spool
	mediaType string
}

// importPlans keeps the plans of previews for an hour. It drops the oldest plans of an
// account that has too many, or too large ones. If all space is used up, it drops the
// oldest plan of the account that uses most: other accounts do not decide whether an
// account with small plans has room. It is safe for concurrent use.
type importPlans struct {
	mu   sync.Mutex
	disk *disk // what the files take; nil to keep none
	kept []*importPlan
}

// keep keeps a plan and its file. It returns false if there is no room, or if the plan is
// kept already: then the file stays the caller's.
func (k *importPlans) keep(p *importPlan, now time.Time) (kept, owned bool) {
	if k.disk == nil {
		return false, false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.dropIf(func(q *importPlan) bool { return !q.until.After(now) })
	if same := k.find(p.user, p.card, p.id); same != nil {
		same.until = p.until
		return true, false
	}
	for k.count(p.account) >= accountPlans || k.disk.take(p.account, p.bytes()) != nil {
		account := k.toDrop(p)
		oldest := slices.IndexFunc(k.kept, func(q *importPlan) bool { return q.account == account })
		if oldest < 0 {
			return false, false
		}
		k.drop(oldest)
	}
	p.uses = 1
	k.kept = append(k.kept, p)
	return true, true
}

// bytes is what the plan takes of the disk.
func (p *importPlan) bytes() int64 { return max(p.upload.file.size, leastPlan) }

// toDrop returns the account whose oldest plan makes room for p.
func (k *importPlans) toDrop(p *importPlan) string {
	own := k.disk.of(p.account) + p.bytes()
	if k.count(p.account) >= accountPlans || own > k.disk.each {
		return p.account
	}
	if most, n := k.disk.most(); n > own {
		return most
	}
	return p.account
}

func (k *importPlans) count(account string) (n int) {
	for _, p := range k.kept {
		if p.account == account {
			n++
		}
	}
	return n
}

func (k *importPlans) find(user, card, id string) *importPlan {
	at := slices.IndexFunc(k.kept, func(p *importPlan) bool { return p.user == user && p.card == card && p.id == id })
	if at < 0 {
		return nil
	}
	return k.kept[at]
}

// use returns a user's plan for a card, or nil. Call release after the last use of its file.
func (k *importPlans) use(user, card, id string, now time.Time) *importPlan {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.dropIf(func(q *importPlan) bool { return !q.until.After(now) })
	p := k.find(user, card, id)
	if p != nil {
		p.uses++
	}
	return p
}

// release ends a use of a plan. Nil is no plan.
func (k *importPlans) release(p *importPlan) {
	if p == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.end(p)
}

func (k *importPlans) end(p *importPlan) {
	if p.uses--; p.uses == 0 {
		_ = p.upload.file.Close() // nobody needs it any more
		k.disk.give(p.account, p.bytes())
	}
}

func (k *importPlans) drop(at int) {
	p := k.kept[at]
	k.kept = slices.Delete(k.kept, at, at+1)
	k.end(p)
}

func (k *importPlans) dropIf(gone func(*importPlan) bool) {
	for at := len(k.kept) - 1; at >= 0; at-- {
		if gone(k.kept[at]) {
			k.drop(at)
		}
	}
}

// expire drops the plans whose time is over.
func (k *importPlans) expire(now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.dropIf(func(p *importPlan) bool { return !p.until.After(now) })
}

// planID names a plan by a hash of its file, its options, the rules of its profile, the revision
// that it compares with, and everything that the preview shows.
func (run *importRun) planID(base string, body *importBody) (string, error) {
	shown := *body
	shown.Applied, shown.Plan, shown.PlanUntil = false, "", nil
	shown.Revisions = slices.Clone(body.Revisions)
	for i := range shown.Revisions {
		shown.Revisions[i].ID, shown.Revisions[i].Status = "", ""
	}
	text, err := json.Marshal(shown)
	if err != nil {
		return "", err
	}
	given := slices.Clone(run.order.given)
	slices.SortStableFunc(given, func(a, b [2]string) int { return cmp.Compare(a[0], b[0]) })
	hash := sha256.New()
	fmt.Fprintf(hash, "%s\n%x\n%q\n%q\n%q\n%s\n%s", run.card, run.upload.file.sum, run.upload.mediaType, given, run.profile.on(), base, text)
	return "pln_" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(hash.Sum(nil)[:16])), nil
}

// offerPlan keeps the file of a preview, so that the preview can be applied without another
// upload. It reports whether it keeps the file itself.
func (r *exchange) offerPlan(run *importRun, body *importBody) (owned bool) {
	until := r.s.now().Add(planTime)
	kept, owned := r.s.plans.keep(&importPlan{
		id: body.Plan, user: r.Subject.User.ID, account: r.payer().ID, card: run.card, order: run.order, upload: run.upload,
		rules: run.profile.on(), until: until,
	}, r.s.now())
	if kept {
		at := until.UTC()
		body.PlanUntil = &at
	} else {
		body.Plan = ""
	}
	return owned
}

// changedPlan is the answer to a plan that would write something else than its preview
// showed.
func changedPlan() error {
	return &problem{kind: kindConflict, field: "plan", reasons: []string{ReasonPlanChanged},
		detail: "The card, or what the file means, has changed since the preview. Preview the file again."}
}

// unlikePlan returns the answer to a fault of an import. The preview of a plan asked
// nothing, so a question that arises now means that the plan has changed. So does any fault
// when the profile is another one than it was.
func (run *importRun) unlikePlan(err error) error {
	var p *problem
	asks := errors.As(err, &p) && len(p.questions) > 0
	if run.plan != nil && (asks || hasReason(err, store.ReasonBaseChanged) || run.profile.on() != run.plan.rules) {
		return changedPlan()
	}
	return err
}

// hasReason reports whether the store refused something for a reason.
func hasReason(err error, code string) bool {
	var why *store.ReasonError
	return errors.As(err, &why) && why.Code == code
}
