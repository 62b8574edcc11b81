package server

import (
	"context"
	"errors"
	"fmt"

	"resellerd/store"
	"resellerd/store/fault"
)

var (
	// ErrUnboundIssuer means that users' tokens could name users of several
	// tenants.
	ErrUnboundIssuer = errors.New("user tokens: the store has several tenants, and the issuer is bound to none of them")
	// ErrIssuerTenant means that the issuer is bound to no tenant of this store.
	ErrIssuerTenant = errors.New("user tokens: the issuer is bound to an account that is no master of this store")
)

// verifyUser finds the user and the tenant that a user's token names. Errors:
// 401, or 503 if the store cannot be asked for the tenant.
func (s *Server) verifyUser(ctx context.Context, token []byte) (tenant, sub string, err error) {
	if sub, err = s.jwt.Verify(ctx, token); err != nil {
		return "", "", &problem{kind: kindUnauthorized, cause: err}
	}
	tenant, err = s.issuerTenant(ctx)
	switch {
	case errors.Is(err, ErrUnboundIssuer), errors.Is(err, fault.ErrNotFound):
		return "", "", &problem{kind: kindUnauthorized, cause: err}
	case err != nil:
		return "", "", unavailable(err)
	}
	return tenant, sub, nil
}

// issuerTenant returns the tenant whose users the issuer's tokens name: the
// tenant that the issuer is bound to, or else the only tenant. Errors:
// ErrUnboundIssuer if there are several tenants, and those of store.SoleTenant.
func (s *Server) issuerTenant(ctx context.Context) (string, error) {
	if bound := s.cfg.JWT.Tenant; bound != "" {
		return bound, nil
	}
	tenant, err := s.store.SoleTenant(ctx)
	if errors.Is(err, fault.ErrAmbiguous) {
		err = ErrUnboundIssuer
	}
	return tenant, err
}

// bindIssuer returns ErrUnboundIssuer if the issuer has no tenant and the store
// has several masters. It returns ErrIssuerTenant if the bound account is not a
// master. It accepts a store without masters if the issuer is not bound: the
// first master may be created later.
func (s *Server) bindIssuer(ctx context.Context) error {
	bound, err := s.issuerTenant(ctx)
	if errors.Is(err, fault.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	err = s.isMaster(ctx, bound)
	if errors.Is(err, fault.ErrNotFound) {
		return fmt.Errorf("%w: %s", ErrIssuerTenant, bound)
	}
	return err
}

// isMaster returns an ErrNotFound if the account is no master of this store.
func (s *Server) isMaster(ctx context.Context, account string) error {
	row, err := s.store.PolicyRow(ctx, "account", account)
	if err == nil && row["kind"] != store.Master {
		err = fault.ErrNotFound
	}
	return err
}
