package server

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"resellerd/server/feed"
	"resellerd/server/webhook"
	"resellerd/store"
	"resellerd/store/seed"
)

// delivery is what a receiver got.
type delivery struct {
	id, body string
	at       string
	signed   []string
	message  webhook.Message
}

// receiving is the receiver of a webhook. It answers with status, 200 by default.
type receiving struct {
	*httptest.Server
	mu     sync.Mutex
	got    []delivery
	status int
	header map[string]string
	shakes func() // called once when a connection is being made; nil for nothing
}

func newReceiving(t testing.TB) *receiving {
	r := &receiving{}
	r.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		body, _ := io.ReadAll(req.Body)
		d := delivery{id: req.Header.Get("webhook-id"), at: req.Header.Get("webhook-timestamp"), body: string(body), signed: strings.Fields(req.Header.Get("webhook-signature"))}
		if err := json.Unmarshal(body, &d.message); err != nil {
			t.Errorf("%s: %v", body, err)
		}
		r.got = append(r.got, d)
		for name, value := range r.header {
			w.Header().Set(name, value)
		}
		if r.status != 0 {
			w.WriteHeader(r.status)
		}
	}))
	r.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		r.mu.Lock()
		shakes := r.shakes
		r.shakes = nil
		r.mu.Unlock()
		if shakes != nil {
			shakes()
		}
		return nil, nil
	}}
	r.StartTLS()
	t.Cleanup(r.Close)
	return r
}

// meanwhile lets something happen while the next connection is being made.
func (r *receiving) meanwhile(fn func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shakes = fn
}

func (r *receiving) answer(status int, header ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status, r.header = status, map[string]string{}
	for i := 0; i+1 < len(header); i += 2 {
		r.header[header[i]] = header[i+1]
	}
}

// take returns what was delivered since the last call.
func (r *receiving) take() []delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	got := r.got
	r.got = nil
	return got
}

// signedBy reports whether the n-th signature of a delivery is that of a secret.
func (d delivery) signedBy(t testing.TB, n int, secret string) bool {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	must(t, err)
	h := hmac.New(sha256.New, key)
	fmt.Fprintf(h, "%s.%s.%s", d.id, d.at, d.body)
	return n < len(d.signed) && d.signed[n] == "v1,"+base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// trusting lets the server deliver to receivers on this machine.
func trusting(r *receiving) Option {
	return func(s *Server) {
		s.hookRoots = x509.NewCertPool()
		s.hookRoots.AddCert(r.Certificate())
		s.cfg.WebhookNetworks = []string{"127.0.0.0/8"}
	}
}

// eachHooked runs a test on a world whose server delivers to a receiver.
func eachHooked(t *testing.T, test func(t *testing.T, w *world, r *receiving)) {
	t.Helper()
	for name, url := range databases(carriers, turn(t)) {
		t.Run(name, func(t *testing.T) {
			r := newReceiving(t)
			test(t, newWorld(t, url(t), engineOf(t, 1), seedWorld, trusting(r)), r)
		})
	}
}

// deliver lets the engine do what it has to do now.
func (w *world) deliver() {
	w.t.Helper()
	for range 2 {
		_, err := w.server.hooks.Round(context.Background())
		must(w.t, err)
		w.server.hooks.Wait()
	}
}

// hook makes a webhook for a user and returns its secret.
func (w *world) hook(name, user, url string) string {
	w.t.Helper()
	w.name(name)
	made := w.do("m", "POST", "/v1/webhooks", fmt.Sprintf(`{"url":%q,"user_id":"{%s}"}`, url, user)).want(201).object()
	secret, _ := made["secret"].(string)
	if !strings.HasPrefix(secret, "whsec_") {
		w.t.Fatalf("the secret is %q", secret)
	}
	return secret
}

// told lists what deliveries said: "reset", or the kind and id of an item.
func toldBy(all []delivery) (what []string) {
	for _, d := range all {
		if d.message.Data.Reset {
			what = append(what, "reset")
		}
		for _, item := range d.message.Data.Items {
			text := item.Kind + " " + item.ID
			if item.Gone {
				text += " gone"
			}
			what = append(what, text)
		}
	}
	return what
}

func wantTold(t testing.TB, all []delivery, want ...string) {
	t.Helper()
	if got := toldBy(all); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("the receiver was told %v, want %v", got, want)
	}
}

func TestWebhooksTellWhatTheirUserSees(t *testing.T) {
	t.Parallel()
	eachHooked(t, func(t *testing.T, w *world, r *receiving) {
		secret := w.hook("whole", "a", r.URL)
		w.deliver()
		first := r.take()
		wantTold(t, first, "reset")
		if !first[0].signedBy(t, 0, secret) || len(first[0].signed) != 1 {
			t.Errorf("the signatures are %v", first[0].signed)
		}
		w.deliver()
		wantTold(t, r.take())
		w.do("b", "PATCH", "/v1/customers/{bolt}", `{"name":"unseen"}`).want(200)
		w.do("m", "PATCH", "/v1/cards/{upstream}", `{"name":"unseen"}`).want(200)
		w.do("m", "PATCH", "/v1/cards/{gold}", `{"notes":"unseen"}`).want(200)
		w.deliver()
		wantTold(t, r.take())
		w.do("a", "PATCH", "/v1/customers/{acme}", `{"name":"seen"}`).want(200)
		w.do("m", "PATCH", "/v1/cards/{gold}", `{"public_name":"seen"}`).want(200)
		w.do("a", "DELETE", "/v1/customers/{apex}", "").want(204)
		w.deliver()
		wantTold(t, r.take(), "customer "+w.id("acme"), "card "+w.id("gold"), "customer "+w.id("apex")+" gone")
		w.do("m", "PUT", "/v1/cards/{silver}/assignments/{A}", "").want(200)
		w.deliver()
		wantTold(t, r.take(), "reset")
		shown := w.get("m", "/v1/webhooks/{whole}").want(200).object()
		if shown["delivered_at"] == nil || shown["error"] != nil || shown["dead_letters"] != json.Number("0") && shown["dead_letters"] != 0.0 {
			t.Errorf("the webhook is %v", shown)
		}
	})
}

func TestFailedMessagesAreRepeatedWithTheirIdUntilTheyAreDead(t *testing.T) {
	t.Parallel()
	eachHooked(t, func(t *testing.T, w *world, r *receiving) {
		w.hook("failing", "a", r.URL)
		w.deliver()
		r.take()
		r.answer(500)
		w.do("a", "PATCH", "/v1/customers/{acme}", `{"name":"first"}`).want(200)
		w.deliver()
		first := r.take()
		wantTold(t, first, "customer "+w.id("acme"))
		w.do("a", "PATCH", "/v1/customers/{apex}", `{"name":"second"}`).want(200)
		w.deliver()
		wantTold(t, r.take()) // not before the pause has ended
		attempts := 1
		for ; attempts < 20; attempts++ {
			w.pass(27 * time.Hour)
			w.deliver()
			again := r.take()
			if len(again) == 0 {
				break
			}
			if again[0].id != first[0].id || again[0].body != first[0].body || again[0].at == first[0].at {
				if attempts < 10 {
					t.Fatalf("attempt %d is %+v, the first one was %+v", attempts+1, again[0], first[0])
				}
				break
			}
			if attempts == 2 {
				w.server.cfg.Keep.Changes = 365 * 24 * time.Hour
			}
		}
		if attempts != 10 {
			t.Errorf("there were %d attempts", attempts)
		}
		letters := w.get("m", "/v1/webhooks/{failing}/dead-letters").items()
		if len(letters) == 0 || letters[0]["id"] != first[0].id || letters[0]["error"] != "status_500" || strings.Contains(fmt.Sprint(letters), w.id("acme")) {
			t.Fatalf("the dead letters are %v", letters)
		}
		r.answer(200)
		w.do("m", "POST", "/v1/webhooks/{failing}/dead-letters/"+first[0].id+"/send", "").want(200)
		w.pass(time.Hour)
		w.deliver()
		sent := r.take()
		if len(sent) == 0 || sent[0].id != first[0].id && sent[len(sent)-1].id != first[0].id {
			t.Errorf("the dead letter is not sent again: %v", toldBy(sent))
		}
		for _, letter := range w.get("m", "/v1/webhooks/{failing}/dead-letters").items() {
			if letter["id"] == first[0].id {
				t.Error("the dead letter was delivered and is still there")
			}
		}
	})
}

func TestReceiversSayWhenAndWhether(t *testing.T) {
	t.Parallel()
	eachHooked(t, func(t *testing.T, w *world, r *receiving) {
		w.hook("polite", "a", r.URL)
		r.answer(503, "Retry-After", "3600")
		w.deliver()
		wantTold(t, r.take(), "reset")
		w.pass(59 * time.Minute)
		w.deliver()
		wantTold(t, r.take())
		w.pass(2 * time.Minute)
		r.answer(410)
		w.deliver()
		wantTold(t, r.take(), "reset")
		w.pass(100 * time.Hour)
		w.do("a", "PATCH", "/v1/customers/{acme}", `{"name":"later"}`).want(200)
		w.deliver()
		wantTold(t, r.take())
		shown := w.get("m", "/v1/webhooks/{polite}").want(200).object()
		if shown["status"] != "ended" || shown["ended_reason"] != "gone" {
			t.Errorf("the webhook is %v", shown)
		}
		r.answer(200)
		w.do("m", "PATCH", "/v1/webhooks/{polite}", `{"status":"active"}`).want(200)
		w.deliver()
		wantTold(t, r.take(), "reset")
	})
}

func TestWebhooksEndWithTheirUser(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(w *world){
		"disabled":          func(w *world) { w.do("m", "PATCH", "/v1/users/{a}", `{"status":"disabled"}`).want(200) },
		"deleted":           func(w *world) { w.do("m", "DELETE", "/v1/users/{a}", "").want(204) },
		"account suspended": func(w *world) { w.do("m", "PATCH", "/v1/accounts/{A}", `{"status":"suspended"}`).want(200) },
		"account closed":    func(w *world) { w.do("m", "PATCH", "/v1/accounts/{A}", `{"status":"closed"}`).want(200) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachHooked(t, func(t *testing.T, w *world, r *receiving) {
				w.hook("ending", "a", r.URL)
				w.deliver()
				r.take()
				r.answer(500)
				w.do("a", "PATCH", "/v1/customers/{acme}", `{"name":"waits"}`).want(200)
				w.deliver()
				r.take()
				end(w)
				if got := w.get("m", "/v1/webhooks/{ending}"); name != "deleted" {
					if shown := got.want(200).object(); shown["status"] != "ended" || shown["ended_reason"] != "user" || shown["next_at"] != nil {
						t.Errorf("right after the end, the webhook is %v", shown)
					}
				}
				if name == "disabled" {
					w.do("m", "PATCH", "/v1/users/{a}", `{"status":"active"}`).want(200)
				}
				r.answer(200)
				for range 3 {
					w.pass(30 * time.Hour)
					w.deliver()
				}
				wantTold(t, r.take())
				got := w.get("m", "/v1/webhooks/{ending}")
				if name == "deleted" {
					got.want(404)
					return
				}
				if shown := got.want(200).object(); shown["status"] != "ended" || shown["ended_reason"] != "user" {
					t.Errorf("the webhook is %v", shown)
				}
				w.do("m", "PATCH", "/v1/users/{a}", `{"status":"active"}`).want(200)
				w.deliver()
				wantTold(t, r.take())
			})
		})
	}
}

func TestAMessageThatWaitsIsReplacedWhenItsUserHasOtherRights(t *testing.T) {
	t.Parallel()
	eachHooked(t, func(t *testing.T, w *world, r *receiving) {
		w.hook("narrowed", "a", r.URL)
		w.deliver()
		r.take()
		r.answer(500)
		w.do("a", "PATCH", "/v1/customers/{acme}", `{"name":"waits"}`).want(200)
		w.deliver()
		waits := r.take()
		w.do("m", "PATCH", "/v1/accounts/{A}", `{"ceiling":{"user":["read"]}}`).want(200)
		r.answer(200)
		w.pass(time.Minute)
		w.deliver()
		got := r.take()
		wantTold(t, got, "reset")
		if got[0].id == waits[0].id {
			t.Error("another message has the same id")
		}
	})
}

// What changes while the connection is being made counts: nothing is sent that is out of
// date.
func TestAnAttemptIsDecidedRightBeforeItIsSent(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(w *world)
		told   []string // then, with the next attempt
	}{
		"the user is disabled":  {func(w *world) { w.do("m", "PATCH", "/v1/users/{a}", `{"status":"disabled"}`).want(200) }, nil},
		"the user is deleted":   {func(w *world) { w.do("m", "DELETE", "/v1/users/{a}", "").want(204) }, nil},
		"its account ends":      {func(w *world) { w.do("m", "PATCH", "/v1/accounts/{A}", `{"status":"suspended"}`).want(200) }, nil},
		"the webhook is paused": {func(w *world) { w.do("m", "PATCH", "/v1/webhooks/{timely}", `{"status":"paused"}`).want(200) }, nil},
		"the webhook moves": {func(w *world) {
			w.do("m", "PATCH", "/v1/webhooks/{timely}", `{"url":"https://127.0.0.1:1/"}`).want(200)
		}, nil},
		"the rights change": {func(w *world) {
			w.do("m", "PATCH", "/v1/accounts/{A}", `{"ceiling":{"user":["read"]}}`).want(200)
		}, []string{"reset"}},
		"the row goes":        {func(w *world) { w.do("m", "DELETE", "/v1/customers/{apex}", "").want(204) }, []string{"customer {apex} gone", "customer {apex} gone"}},
		"another row changes": {func(w *world) { w.do("b", "PATCH", "/v1/customers/{bolt}", `{"name":"unseen"}`).want(200) }, []string{"customer {apex}"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachHooked(t, func(t *testing.T, w *world, r *receiving) {
				w.hook("timely", "a", r.URL)
				w.deliver()
				r.take()
				w.do("a", "PATCH", "/v1/customers/{apex}", `{"name":"seen"}`).want(200)
				r.meanwhile(func() { test.change(w) })
				w.deliver()
				w.deliver()
				var want []string
				for _, text := range test.told {
					want = append(want, strings.ReplaceAll(text, "{apex}", w.id("apex")))
				}
				wantTold(t, r.take(), want...)
			})
		})
	}
}

// A message that waits is judged by the rows of the time when it is sent.
func TestAMessageThatWaitsIsJudgedByTheRowsOfNow(t *testing.T) {
	t.Parallel()
	eachHooked(t, func(t *testing.T, w *world, r *receiving) {
		w.hook("waiting", "a", r.URL)
		w.deliver()
		r.take()
		r.answer(500)
		w.do("m", "PATCH", "/v1/cards/{gold}", `{"public_name":"seen"}`).want(200)
		w.deliver()
		wantTold(t, r.take(), "card "+w.id("gold"))
		w.do("m", "DELETE", "/v1/cards/{gold}/assignments/{A}", "").want(204)
		r.answer(200)
		w.pass(time.Minute)
		w.deliver()
		wantTold(t, r.take(), "card "+w.id("gold")+" gone", "reset")
	})
}

// However often the rights of its user change, a message to a receiver that fails becomes a
// dead letter.
func TestAttemptsCountAlthoughTheRightsOfTheUserChange(t *testing.T) {
	t.Parallel()
	eachHooked(t, func(t *testing.T, w *world, r *receiving) {
		w.server.cfg.Keep.Changes = 365 * 24 * time.Hour
		w.hook("failing", "a", r.URL)
		w.deliver()
		r.take()
		r.answer(500)
		w.do("a", "PATCH", "/v1/customers/{acme}", `{"name":"first"}`).want(200)
		w.deliver()
		attempts := len(r.take())
		for n := range 12 {
			w.do("m", "PATCH", "/v1/accounts/{A}", fmt.Sprintf(`{"ceiling":{"user":[%s]}}`, []string{`"read"`, ``}[n%2])).want(200)
			w.pass(27 * time.Hour)
			w.deliver()
			attempts += len(r.take())
			if letters := w.get("m", "/v1/webhooks/{failing}/dead-letters").items(); len(letters) > 0 {
				if attempts < 10 || attempts > 12 {
					t.Errorf("a dead letter after %d attempts", attempts)
				}
				return
			}
		}
		t.Errorf("no dead letter after %d attempts", attempts)
	})
}

// Dead letters that are sent again wait as long as the receiver wants, and so does all that
// follows them.
func TestDeadLettersWaitForTheirReceiver(t *testing.T) {
	t.Parallel()
	for about, gone := range map[string]bool{"the receiver wants a pause": false, "the receiver wants no more": true} {
		t.Run(about, func(t *testing.T) {
			t.Parallel()
			deadLetterWaits(t, gone)
		})
	}
}

func deadLetterWaits(t *testing.T, gone bool) {
	t.Helper()
	eachHooked(t, func(t *testing.T, w *world, r *receiving) {
		w.server.cfg.Keep.Changes = 365 * 24 * time.Hour
		w.hook("full", "a", r.URL)
		w.deliver()
		r.take()
		r.answer(500)
		w.do("a", "PATCH", "/v1/customers/{acme}", `{"name":"first"}`).want(200)
		for range 11 {
			w.deliver()
			w.pass(27 * time.Hour)
		}
		r.take()
		letters := w.get("m", "/v1/webhooks/{full}/dead-letters").items()
		if len(letters) != 1 {
			t.Fatalf("the dead letters are %v", letters)
		}
		again := "/v1/webhooks/{full}/dead-letters/" + letters[0]["id"].(string) + "/send"
		w.do("m", "POST", again, "").want(200)
		w.do("a", "PATCH", "/v1/customers/{apex}", `{"name":"second"}`).want(200)
		r.answer(503, "Retry-After", "3600")
		if gone {
			r.answer(410)
		}
		w.deliver()
		if got := r.take(); len(got) != 1 || got[0].id != letters[0]["id"] {
			t.Fatalf("the receiver got %v", toldBy(got))
		}
		if gone {
			return
		}
		w.do("m", "POST", again, "").want(200)
		r.answer(200)
		w.pass(59 * time.Minute)
		w.deliver()
		wantTold(t, r.take())
		w.pass(2 * time.Minute)
		w.deliver()
		wantTold(t, r.take(), "customer "+w.id("acme"), "customer "+w.id("apex"))
	})
}

// Time alone resets nobody: the cursor of a webhook never becomes too old.
func TestAWebhookWithoutVisibleChangesIsNotReset(t *testing.T) {
	t.Parallel()
	eachHooked(t, func(t *testing.T, w *world, r *receiving) {
		w.hook("quiet", "a", r.URL)
		w.deliver()
		r.take()
		for range 40 {
			w.pass(12 * time.Hour)
			w.do("b", "PATCH", "/v1/customers/{bolt}", fmt.Sprintf(`{"name":"unseen %s"}`, w.clock())).want(200)
			w.deliver()
			_, err := w.store.Prune(context.Background(), w.server.cfg.Keep)
			must(t, err)
		}
		wantTold(t, r.take())
		w.do("a", "PATCH", "/v1/customers/{acme}", `{"name":"seen"}`).want(200)
		w.deliver()
		wantTold(t, r.take(), "customer "+w.id("acme"))
	})
}

// A fault of the policy is shown, and what waits has an age.
func TestAWebhookThatCannotBeDecidedSaysSo(t *testing.T) {
	t.Parallel()
	eachHooked(t, func(t *testing.T, w *world, r *receiving) {
		w.hook("faulty", "a", r.URL)
		w.deliver()
		r.take()
		engine := w.server.engines.Current()
		w.server.engines.Swap(nil)
		w.do("m", "PATCH", "/v1/customers/{acme}", `{"name":"unseen"}`)
		w.deliver()
		w.server.engines.Swap(engine)
		if shown := w.get("m", "/v1/webhooks/{faulty}").want(200).object(); shown["error"] != "undecided" {
			t.Errorf("the webhook is %v", shown)
		}
		due, err := w.store.WebhooksDue(context.Background())
		if err != nil || len(due) != 1 || due[0].MadeAt == 0 || due[0].Waiting {
			t.Errorf("%+v is due, %v", due, err)
		}
		for range 2 { // the process has let others take the lease first
			w.pass(time.Minute)
			w.deliver()
		}
		if shown := w.get("m", "/v1/webhooks/{faulty}").want(200).object(); shown["error"] != nil {
			t.Errorf("then the webhook is %v", shown)
		}
	})
}

// A webhook that is far behind reads on, in a turn of its account.
func TestAWebhookFarBehindReadsInATurn(t *testing.T) {
	t.Parallel()
	eachHooked(t, func(t *testing.T, w *world, r *receiving) {
		w.hook("behind", "a", r.URL)
		w.deliver()
		r.take()
		w.unseen(10_100)
		w.do("m", "PATCH", "/v1/customers/{acme}", `{"name":"seen"}`).want(200)
		turn, done := w.oneScan(), make(chan struct{})
		go func() {
			defer close(done)
			w.deliver()
		}()
		w.scansAwaited(1)
		turn.Leave()
		<-done
		wantTold(t, r.take(), "customer "+w.id("acme"))
	})
}

// The time of a question ends while it reads what others changed. The next one goes on from
// there and tells everything.
func TestAQuestionThatWasCutGoesOn(t *testing.T) {
	t.Parallel()
	eachHooked(t, func(t *testing.T, w *world, _ *receiving) {
		teller := func() *hookTeller {
			return w.server.hookTeller(&store.Webhook{TenantID: w.id("M"), AccountID: w.id("A"), UserID: w.id("a")}).(*hookTeller)
		}
		begun := teller()
		start, err := begun.Tell(tctx, nil, 100)
		must(t, err)
		w.do("m", "PATCH", "/v1/customers/{acme}", `{"name":"seen"}`).want(200)
		w.unseen(300)
		w.do("m", "PATCH", "/v1/customers/{apex}", `{"name":"seen"}`).want(200)
		must(t, w.store.CatchUp(tctx))
		cut, cancel := context.WithCancel(tctx)
		begun.reader.Turn = yieldsBy(func(context.Context) error { cancel(); return cut.Err() })
		if a, err := begun.Tell(cut, &start.Cursor, 100); !errors.Is(err, feed.ErrUnfinished) {
			t.Fatalf("told %+v, %v", a, err)
		}
		want := []feed.Item{{Kind: "customer", ID: w.id("acme")}, {Kind: "customer", ID: w.id("apex")}}
		for about, next := range map[string]*hookTeller{"the same reader": begun, "another reader": teller()} {
			next.reader.Turn = nil
			if a, err := next.Tell(tctx, &start.Cursor, 100); err != nil || !slices.Equal(a.Items, want) {
				t.Errorf("%s is told %+v, %v", about, a, err)
			}
		}
	})
}

// yieldsBy is feed.Reader.Turn with turns that yield by a function.
func yieldsBy(yield func(context.Context) error) func() (feed.Turn, error) {
	return func() (feed.Turn, error) { return yields(yield), nil }
}

type yields func(context.Context) error

func (y yields) Yield(ctx context.Context) error { return y(ctx) }
func (yields) Leave()                            {}

// The time of a question is nearly over while it reads what others changed, or while it waits
// for its turn. It is answered with what was found, and the next question goes on after that.
func TestAnAnswerHasWhatWasFoundInTime(t *testing.T) {
	t.Parallel()
	for about, yield := range map[string]func(context.Context) error{
		"the turn comes late":  func(context.Context) error { time.Sleep(2100 * time.Millisecond); return nil },
		"the turn never comes": func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) },
	} {
		t.Run(about, func(t *testing.T) {
			t.Parallel()
			answeredInTime(t, yield)
		})
	}
}

func answeredInTime(t *testing.T, yield func(context.Context) error) {
	t.Helper()
	eachHooked(t, func(t *testing.T, w *world, _ *receiving) {
		told := w.server.hookTeller(&store.Webhook{TenantID: w.id("M"), AccountID: w.id("A"), UserID: w.id("a")}).(*hookTeller)
		start, err := told.Tell(tctx, nil, 100)
		must(t, err)
		w.do("m", "PATCH", "/v1/customers/{acme}", `{"name":"seen"}`).want(200)
		w.unseen(300)
		w.do("m", "PATCH", "/v1/customers/{apex}", `{"name":"seen"}`).want(200)
		must(t, w.store.CatchUp(tctx))
		ctx, cancel := context.WithTimeout(tctx, 3*time.Second)
		defer cancel()
		told.reader.Turn = yieldsBy(yield)
		a, err := told.Tell(ctx, &start.Cursor, 100)
		if err != nil || !slices.Equal(a.Items, []feed.Item{{Kind: "customer", ID: w.id("acme")}}) {
			t.Fatalf("told %+v, %v", a, err)
		}
		told.reader.Turn = nil
		if a, err = told.Tell(tctx, &a.Cursor, 100); err != nil || !slices.Equal(a.Items, []feed.Item{{Kind: "customer", ID: w.id("apex")}}) {
			t.Errorf("then told %+v, %v", a, err)
		}
	})
}

// An answer is right only as far as its rows were judged, however new the rights are.
func TestAnAnswerIsJudgedAgainForLaterChangesOfItsRows(t *testing.T) {
	t.Parallel()
	for about, test := range map[string]struct {
		limit int
		renew bool // the row goes while the reader learns its rights, else before it is asked
	}{
		"a row goes after it was read":             {100, true},
		"a row goes after those of a full page":    {1, false},
		"and after all others that are to be told": {2, false},
	} {
		t.Run(about, func(t *testing.T) {
			t.Parallel()
			eachHooked(t, func(t *testing.T, w *world, _ *receiving) {
				told := w.server.hookTeller(&store.Webhook{TenantID: w.id("M"), AccountID: w.id("A"), UserID: w.id("a")}).(*hookTeller)
				start, err := told.Tell(tctx, nil, 100)
				must(t, err)
				own, _ := w.do("a", "POST", "/v1/customers", `{"name":"Short-lived"}`).want(201).object()["id"].(string)
				w.do("m", "PATCH", "/v1/customers/{acme}", `{"name":"seen"}`).want(200)
				w.do("m", "PATCH", "/v1/customers/{apex}", `{"name":"seen"}`).want(200)
				goes := func() {
					w.do("m", "DELETE", "/v1/customers/"+own, "").want(204)
					must(t, w.store.CatchUp(tctx))
				}
				must(t, w.store.CatchUp(tctx))
				renew := told.reader.Renew
				if told.reader.Renew = func() error { goes(); return renew() }; !test.renew {
					told.reader.Renew = renew
					goes()
				}
				a, err := told.Tell(tctx, &start.Cursor, test.limit)
				if err != nil || len(a.Items) == 0 || a.Items[0] != (feed.Item{Kind: "customer", ID: own}) {
					t.Fatalf("told %+v, %v", a, err)
				}
				told.reader.Renew = renew
				untold, err := w.store.ChangesUntold(tctx)
				must(t, err)
				now := store.WebhookNow{Revision: w.store.Revision(), Changed: w.store.Revision(), Untold: untold}
				if same, err := told.AsOf(tctx, now, a); err != nil || same {
					t.Errorf("the answer is as of now: %t, %v", same, err)
				}
				if a, err = told.Again(tctx, a); err != nil || !a.Items[0].Gone {
					t.Errorf("told again %+v, %v", a, err)
				}
				if same, err := told.AsOf(tctx, now, a); err != nil || !same {
					t.Errorf("what was judged again is as of now: %t, %v", same, err)
				}
			})
		})
	}
}

// busyTenant is a teller in whose tenant others commit all the time.
type busyTenant struct {
	webhook.Teller
	commit func()
}

func (b busyTenant) Tell(ctx context.Context, after *feed.Cursor, limit int) (feed.Answer, error) {
	defer b.commit()
	return b.Teller.Tell(ctx, after, limit)
}

func (b busyTenant) Again(ctx context.Context, a feed.Answer) (feed.Answer, error) {
	defer b.commit()
	return b.Teller.Again(ctx, a)
}

// However often others commit, and however much, a message is sent.
func TestCommitsOfOthersHoldNoMessageBack(t *testing.T) {
	t.Parallel()
	eachHooked(t, func(t *testing.T, w *world, r *receiving) {
		commits, inner := 0, w.server.hooks.Teller
		w.server.hooks.Teller = func(hook *store.Webhook) webhook.Teller {
			return busyTenant{inner(hook), func() {
				commits++
				w.do("b", "PATCH", "/v1/customers/{bolt}", fmt.Sprintf(`{"name":"unseen %d"}`, commits)).want(200)
				w.multiply(450)
			}}
		}
		w.hook("patient", "a", r.URL)
		w.deliver()
		r.take()
		w.do("m", "PATCH", "/v1/customers/{acme}", `{"name":"seen"}`).want(200)
		w.deliver()
		wantTold(t, r.take(), "customer "+w.id("acme"))
	})
}

// What ends by the clock while a connection is being made is not told any more.
func TestRightsThatEndByTheClockRightBeforeAMessage(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		begins func(w *world, until string)
		told   string
	}{
		"a group ends": {func(w *world, until string) {
			w.do("m", "PATCH", "/v1/users/{a}", fmt.Sprintf(`{"group_ends":{"{M.default}":%q}}`, until)).want(200)
		}, "reset"},
		"an assignment ends": {func(w *world, until string) {
			w.do("m", "PUT", "/v1/cards/{bronze}/assignments/{A}", fmt.Sprintf(`{"valid_to":%q}`, until)).want(200)
		}, "card {bronze} gone, customer {acme}, reset"}, // the reset is that of the clock
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachHooked(t, func(t *testing.T, w *world, r *receiving) {
				test.begins(w, w.clock().Add(time.Hour).Format(time.RFC3339))
				w.hook("timely", "a", r.URL)
				w.deliver()
				r.take()
				w.do("m", "PATCH", "/v1/cards/{bronze}", `{"public_name":"seen"}`).want(200)
				w.do("m", "PATCH", "/v1/customers/{acme}", `{"name":"seen"}`).want(200)
				r.meanwhile(func() { w.pass(2 * time.Hour) })
				w.deliver() // the time jumps, so that the first round ends before the message is replaced
				wantTold(t, r.take(), strings.Split(w.expand(test.told), ", ")...)
			})
		})
	}
}

func TestWebhooksOfUsersWithAddressesAreRefused(t *testing.T) {
	t.Parallel()
	eachHooked(t, func(t *testing.T, w *world, r *receiving) {
		w.hook("limited", "a", r.URL)
		w.deliver()
		r.take()
		w.do("m", "PATCH", "/v1/users/{a}", `{"ip_allow":["10.0.0.0/8"]}`).want(200)
		w.do("m", "POST", "/v1/webhooks", fmt.Sprintf(`{"url":%q,"user_id":"{a}"}`, r.URL)).refused(422, "ip_allow")
		w.deliver()
		wantTold(t, r.take(), "reset")
		w.do("m", "PATCH", "/v1/customers/{acme}", `{"name":"unseen"}`).want(200)
		w.deliver()
		wantTold(t, r.take())
	})
}

// The path of an address may hold a secret. The audit trail shows that it has changed.
func TestTheAuditTrailShowsOnlyTheHostOfAWebhook(t *testing.T) {
	t.Parallel()
	eachHooked(t, func(t *testing.T, w *world, _ *receiving) {
		w.name("audited")
		w.do("m", "POST", "/v1/webhooks", `{"url":"https://x.example:8443/hooks/T0K3N","user_id":"{a}"}`).want(201)
		w.do("m", "PATCH", "/v1/webhooks/{audited}", `{"url":"https://x.example:8443/hooks/0THER"}`).want(200)
		w.do("m", "DELETE", "/v1/webhooks/{audited}", "").want(204)
		text := w.get("m", "/v1/audit").want(200).body
		if strings.Contains(text, "T0K3N") || strings.Contains(text, "0THER") || strings.Count(text, "https://x.example:8443/…") != 4 {
			t.Errorf("the audit trail is %s", text)
		}
	})
}

func TestTwoSecretsSignWhileOneReplacesTheOther(t *testing.T) {
	t.Parallel()
	eachHooked(t, func(t *testing.T, w *world, r *receiving) {
		old := w.hook("rotated", "a", r.URL)
		w.deliver()
		r.take()
		made := w.do("m", "POST", "/v1/webhooks/{rotated}/rotate", `{"overlap":3600}`).want(200).object()
		secret, _ := made["secret"].(string)
		if secret == old || made["old_until"] == nil {
			t.Fatalf("the webhook is %v", made)
		}
		signed := func() delivery {
			t.Helper()
			w.do("a", "PATCH", "/v1/customers/{acme}", fmt.Sprintf(`{"name":"at %s"}`, w.clock())).want(200)
			w.deliver()
			got := r.take()
			wantTold(t, got, "customer "+w.id("acme"))
			return got[0]
		}
		w.pass(time.Second)
		if d := signed(); len(d.signed) != 2 || !d.signedBy(t, 0, secret) || !d.signedBy(t, 1, old) {
			t.Errorf("both secrets should sign: %v", d.signed)
		}
		w.pass(time.Hour)
		if d := signed(); len(d.signed) != 1 || !d.signedBy(t, 0, secret) {
			t.Errorf("the new secret should sign: %v", d.signed)
		}
		w.do("m", "POST", "/v1/webhooks/{rotated}/rotate", `{"overlap":0}`).want(200)
		w.pass(time.Second)
		if d := signed(); len(d.signed) != 1 || d.signedBy(t, 0, secret) {
			t.Errorf("only the newest secret should sign: %v", d.signed)
		}
		w.do("m", "POST", "/v1/webhooks/{rotated}/rotate", `{"overlap":604801}`).refused(422, "overlap")
		w.do("m", "POST", "/v1/webhooks/{rotated}/rotate", `{"overlap":-1}`).refused(422, "overlap")
	})
}

func TestSecretsOfWebhooksAreShownOnce(t *testing.T) {
	t.Parallel()
	eachHooked(t, func(t *testing.T, w *world, r *receiving) {
		w.name("once")
		body := fmt.Sprintf(`{"url":%q,"user_id":"{a}"}`, r.URL)
		made := w.do("m", "POST", "/v1/webhooks", body, headerIdempotency, "key").want(201)
		secret := fmt.Sprint(made.object()["secret"])
		again := w.do("m", "POST", "/v1/webhooks", body, headerIdempotency, "key").want(201)
		rotated := fmt.Sprint(w.do("m", "POST", "/v1/webhooks/{once}/rotate", "").want(200).object()["secret"])
		plain, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		must(t, err)
		texts := []string{again.body}
		for _, path := range []string{"/v1/webhooks", "/v1/webhooks/{once}", "/v1/audit", "/v1/changes?wait=0"} {
			texts = append(texts, w.get("m", path).want(200).body)
		}
		texts = append(texts, w.do("m", "PATCH", "/v1/webhooks/{once}", `{"status":"paused"}`).want(200).body)
		hook, _, err := w.store.WebhookState(context.Background(), w.id("once"))
		must(t, err)
		texts = append(texts, fmt.Sprintf("%+v", hook))
		for _, text := range texts {
			if strings.Contains(text, secret[6:]) || strings.Contains(text, rotated[6:]) || strings.Contains(text, string(plain)) || strings.Contains(text, "secret\"") {
				t.Errorf("the secret is in %s", text)
			}
		}
	})
}

func TestWebhooksAreMadeByThoseWhoHoldWhatTheyTell(t *testing.T) {
	t.Parallel()
	eachHooked(t, func(t *testing.T, w *world, r *receiving) {
		for _, user := range []string{"a", "clerk"} {
			w.do(user, "POST", "/v1/webhooks", `{"url":"https://x.example/"}`).refused(403, "area_denied")
			w.do(user, "GET", "/v1/webhooks", "").refused(403, "area_denied")
			w.do(user, "GET", "/v1/webhooks/{hook}", "").refused(403, "area_denied")
		}
		w.do("n", "GET", "/v1/webhooks/{hook}", "").want(404)
		for field, body := range map[string]string{
			"user_id":    `{"url":"https://x.example/","user_id":"{n}"}`,
			"account_id": `{"url":"https://x.example/","account_id":"{N}"}`,
			"url":        `{"url":"http://x.example/"}`,
			"status":     `{"url":"https://x.example/","status":"ended"}`,
		} {
			w.do("m", "POST", "/v1/webhooks", body).refused(422, `"field":"`+field+`"`)
		}
		w.do("m", "POST", "/v1/webhooks", `{"url":"https://x.example/","account_id":"{A}","user_id":"{b}"}`).refused(422, `"field":"user_id"`)
		for _, url := range []string{"https://10.0.0.1/", "https://[::1]/", "https://[fd00::1]:8443/x", "https://169.254.169.254/latest", "https://u:p@x.example/", "https://", "https:///x", "https://x.example/#f", "HTTPS://x.example", "https://x.example/ a"} {
			w.do("m", "POST", "/v1/webhooks", fmt.Sprintf(`{"url":%q}`, url)).refused(422, `"field":"url"`)
		}
		w.do("m", "PATCH", "/v1/webhooks/{hook}", `{"status":"ended"}`).refused(422, `"field":"status"`)
		w.do("m", "PATCH", "/v1/webhooks/{hook}", `{"user_id":"{b}"}`).refused(403, "column_not_writable")

		w.seed("M", seedGroupOfHooks()...)
		w.do("keeper", "GET", "/v1/webhooks", "").want(200)
		w.do("keeper", "POST", "/v1/webhooks", `{"url":"https://x.example/","user_id":"{m}"}`).refused(403, "exceeds_delegation")
		w.do("keeper", "PATCH", "/v1/webhooks/{hook}", `{"url":"https://x.example/"}`).refused(403, "exceeds_delegation")
		w.do("keeper", "DELETE", "/v1/webhooks/{hook}", "").refused(403, "exceeds_delegation")
		w.do("keeper", "POST", "/v1/webhooks/{hook}/rotate", "").refused(403, "exceeds_delegation")
		w.do("keeper", "POST", "/v1/webhooks", `{"url":"https://x.example/"}`).want(201)
		for range store.MaxWebhooks {
			w.do("m", "POST", "/v1/webhooks", `{"url":"https://x.example/","account_id":"{C}","user_id":"{c}"}`)
		}
		w.do("m", "POST", "/v1/webhooks", `{"url":"https://x.example/","account_id":"{C}","user_id":"{c}"}`).refused(409, "20 webhooks")
	})
}

// seedGroupOfHooks is a user of M who may make webhooks and see users, and nothing else.
func seedGroupOfHooks() []seed.Row {
	return []seed.Row{
		seed.Group("keepers", store.Group{AccountID: "M", Name: "hooks", Rows: store.Access{"webhook": "crud", "user": "r", "account": "r"}}),
		seed.User("keeper", store.User{AccountID: "M", Login: "keeper@example.com", Groups: []string{"keepers"}}),
	}
}
