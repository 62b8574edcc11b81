package server

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"resellerd/store"
	"resellerd/store/storetest"
)

// jwtServer returns a server that trusts the issuer for users of the tenant.
func (w *world) jwtServer(t *testing.T, i *issuer, tenant string, tokens ...string) *Server {
	t.Helper()
	cfg := Config{JWT: jwtConfig(t, tenant, i.keys()), PanelTokens: strings.Join(tokens, ","), DecisionLog: "none"}
	s, err := New(cfg, w.store, w.server.engines, WithClock(func() time.Time { return jwtNow }), WithLogger(slog.New(slog.DiscardHandler)))
	must(t, err)
	return s
}

// An issuer is bound to one tenant. Its tokens name only users of that tenant.
func TestAnIssuersTokensNameUsersOfItsTenantAlone(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		i, name := newIssuer(t), "jane"
		for _, user := range []string{"a", "r"} {
			w.write(map[string]string{"a": w.id("M"), "r": w.id("N")}[user], func(tx *store.Tx) error {
				_, err := tx.UpdateUser(context.Background(), w.id(user), store.UserPatch{ExternalID: &name})
				return err
			})
		}
		const wide, other, own = "wide-token", "other-token", "own-token"
		for tenant, user := range map[string]string{"M": "a", "N": "r"} {
			not := map[string]string{"M": "N", "N": "M"}[tenant]
			w.server = w.jwtServer(t, i, w.id(tenant), wide, w.id(not)+":"+other, w.id(tenant)+":"+own)
			bearer := func(sub string) []string {
				return []string{"Authorization", "Bearer " + i.token(t, sub), headerUser, ""}
			}
			beside := func(token, sub string) []string {
				return []string{"Authorization", "Bearer " + token, headerUserJWT, i.token(t, sub), headerUser, ""}
			}
			stranger := map[string]string{"M": "n", "N": "m"}[tenant]
			w.do("m", "GET", "/v1/me", "", bearer(name)...).refused(200, w.id(user))
			w.do("m", "GET", "/v1/me", "", bearer(w.id(stranger))...).refused(403, "unknown_user")
			w.do("m", "GET", "/v1/me", "", beside(wide, name)...).refused(200, w.id(user))
			w.do("m", "GET", "/v1/me", "", beside(own, name)...).refused(200, w.id(user))
			w.do("m", "GET", "/v1/me", "", beside(wide, w.id(stranger))...).refused(403, "unknown_user")
			w.do("m", "GET", "/v1/me", "", beside(other, name)...).want(401)
			w.do("m", "GET", "/v1/me", "", beside(other, w.id(stranger))...).want(401)
		}
	})
}

func TestAnIssuerWithoutATenantIsRefusedWhereThereAreSeveral(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		for tenant, want := range map[string]error{"": ErrUnboundIssuer, w.id("A"): ErrIssuerTenant, "acc_none": ErrIssuerTenant, w.id("N"): nil} {
			cfg := Config{JWT: jwtConfig(t, tenant, newIssuer(t).keys()), PanelTokens: "secret", DecisionLog: "none"}
			if _, err := New(cfg, w.store, w.server.engines, WithLogger(slog.New(slog.DiscardHandler))); !errors.Is(err, want) || (err == nil) != (want == nil) {
				t.Errorf("%q: got %v, want %v", tenant, err, want)
			}
		}
	})
}

func TestAnIssuerWithoutATenantIsRefusedOnceThereAreSeveral(t *testing.T) {
	t.Parallel()
	one := func(w *world) { seedMaster(w, "M", "Meridian") }
	w := newWorld(t, storetest.SQLite(t), engineOf(t, 1), one)
	i := newIssuer(t)
	w.server = w.jwtServer(t, i, "", "wide-token")
	own := []string{"Authorization", "Bearer " + i.token(t, w.id("m")), headerUser, ""}
	beside := []string{"Authorization", "Bearer wide-token", headerUserJWT, i.token(t, w.id("m")), headerUser, ""}
	w.do("m", "GET", "/v1/me", "", own...).want(200)
	w.do("m", "GET", "/v1/me", "", beside...).want(200)
	seedMaster(w, "N", "Northwind")
	w.do("m", "GET", "/v1/me", "", own...).want(401)
	w.do("m", "GET", "/v1/me", "", beside...).want(401)
	w.do("m", "GET", "/v1/me", "", "Authorization", "Bearer wide-token").want(200)
}
