package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"resellerd/policies"
	"resellerd/policies/shipping"
	"resellerd/server"
	"resellerd/server/resource"
)

// delivery loads policies and keeps them up to date. The live policy comes from OPA's
// plugins or from a place that is followed. The shadow has its own place.
type delivery struct {
	keeper *shipping.Keeper
	place  shipping.Place // nil: the policy never changes
	poll   time.Duration
	opa    *shipping.OPA // nil without OPA configuration

	shadow      *shipping.Keeper // nil: none
	shadowPlace shipping.Place
	sample      float64
}

// delivery reads the settings and loads the first policy. If OPA's plugins fetch the
// policy, there is none yet. It returns a *rego.LoadError if the policy is refused.
func (s *policySettings) delivery(ctx context.Context, env func(string) string, log *slog.Logger) (*delivery, error) {
	d := &delivery{poll: s.PolicyPoll, keeper: s.keeper(slog.New(slog.DiscardHandler))}
	var err error
	if d.opa, err = s.opa(env, log); err != nil {
		return nil, err
	}
	if d.opa == nil || !d.opa.Fetches() {
		err = d.first(ctx, s)
	} else if s.Policies != "" {
		err = usagef("--policies and bundles in --opa-config exclude each other")
	}
	d.keeper.Logger = log // set only now: a refused first policy ends the program with its error
	return d, errors.Join(err, d.inShadow(s, log))
}

// inShadow finds the shadow's place. Its policy is read later, so an error in it does
// not keep the server from starting.
func (d *delivery) inShadow(s *policySettings, log *slog.Logger) error {
	if s.ShadowPolicies == "" {
		return nil
	}
	bare := *s
	if info, err := os.Stat(s.ShadowPolicies); err == nil && info.IsDir() {
		bare.PolicyKey = "" // a folder has no signature, and the shadow's policy never affects a response
	}
	var err error
	d.shadowPlace, err = bare.at(s.ShadowPolicies)
	d.shadow, d.sample = s.keeper(log.With("role", "shadow")), s.ShadowSample
	d.shadow.Tests = false
	return err
}

func (s *policySettings) keeper(log *slog.Logger) *shipping.Keeper {
	return &shipping.Keeper{
		Engines: &policies.Holder{}, Tests: s.PolicyTest, Logger: log,
		Options: policies.Options{Schema: resource.Schema(), Timeout: s.PolicyTimeout},
	}
}

func (s *policySettings) opa(env func(string) string, log *slog.Logger) (*shipping.OPA, error) {
	if s.OPAConfig == "" {
		return nil, nil
	}
	text, err := os.ReadFile(s.OPAConfig)
	if err != nil {
		return nil, usageError{fmt.Errorf("opa configuration: %w", err)}
	}
	o, err := shipping.NewOPA(text, env, log)
	if err != nil {
		return nil, usageError{err}
	}
	return o, nil
}

// at returns the place that a setting names.
func (s *policySettings) at(path string) (shipping.Place, error) {
	p, err := shipping.At(path, shipping.Key{File: s.PolicyKey, Algorithm: s.PolicyKeyAlg})
	if err != nil {
		return nil, usageError{fmt.Errorf("policies %q: %w", path, err)}
	}
	return p, nil
}

// first loads the policy that the process starts with.
func (d *delivery) first(ctx context.Context, s *policySettings) error {
	if s.Policies == "" {
		return d.keeper.Offer(ctx, shipping.Embedded())
	}
	var err error
	if d.place, err = s.at(s.Policies); err != nil {
		return err
	}
	arrival, err := d.place.Read(ctx)
	if err != nil {
		return err
	}
	return d.keeper.Offer(ctx, arrival)
}

// engine compiles the policy tree, for commands that do not serve.
func (s *policySettings) engine(ctx context.Context) (*policies.Engine, error) {
	d := &delivery{keeper: s.keeper(slog.New(slog.DiscardHandler))}
	err := d.first(ctx, s)
	return d.keeper.Engines.Current(), err
}

// options returns the server options that the delivery needs.
func (d *delivery) options() []server.Option {
	var options []server.Option
	if d.opa != nil && d.opa.Logs() {
		options = append(options, server.WithShipper(d.opa.Ship))
	}
	if d.shadow != nil {
		options = append(options, server.WithShadow(d.shadow.Engines, d.sample))
	}
	return options
}

// again reads the policies again. OPA's plugins decide themselves when to fetch.
func (d *delivery) again(ctx context.Context) {
	if d.place != nil {
		d.keeper.Take(ctx, d.place)
	}
	if d.shadow != nil {
		d.shadow.Take(ctx, d.shadowPlace)
	}
}

// start keeps the policies up to date until stop is called. It reports every attempt
// to the server.
func (d *delivery) start(s *server.Server, log *slog.Logger) (stop func()) {
	d.keeper.Done = s.PolicyLoaded
	if d.keeper.Engines.Current() != nil {
		s.PolicyLoaded(nil)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	if d.place != nil {
		running.Go(func() { shipping.Follow(ctx, d.keeper, d.place, d.poll) })
	}
	if d.shadow != nil {
		d.shadow.Done = s.ShadowLoaded
		running.Go(func() { shipping.Follow(ctx, d.shadow, d.shadowPlace, d.poll) })
	}
	if d.opa != nil {
		running.Go(func() {
			if err := d.opa.Run(ctx, d.keeper); err != nil {
				log.Error("OPA's plugins are not running", "error", err)
			}
		})
	}
	return func() {
		cancel()
		running.Wait()
	}
}
