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
	"resellerd/store"
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

// delivery reads the settings and finds the places of the policies. start loads the
// first one.
func (s *policySettings) delivery(env func(string) string, log *slog.Logger) (*delivery, error) {
	d := &delivery{poll: s.PolicyPoll, keeper: s.keeper(log)}
	var err error
	if d.opa, err = s.opa(env, log); err != nil {
		return nil, err
	}
	switch {
	case d.opa == nil || !d.opa.Fetches():
		d.place, err = s.place()
	case s.Policies != "":
		err = usagef("--policies and bundles in --opa-config exclude each other")
	}
	return d, errors.Join(err, d.inShadow(s, log))
}

// first puts the policy in force that the process starts with: the pinned one, or
// what the place has. If OPA's plugins fetch the policy, there may be none yet. It
// returns a *rego.LoadError if the policy is refused.
func (d *delivery) first(ctx context.Context, order store.PolicyOrder) error {
	log := d.keeper.Logger
	if order.Pin == "" {
		d.keeper.Logger = slog.New(slog.DiscardHandler) // a refused first policy ends the program with its error
		defer func() { d.keeper.Logger = log }()
	}
	failed := d.keeper.Obey(ctx, order.Pin, order.Confirmed)
	if d.opa != nil && d.opa.Fetches() {
		return nil
	}
	arrival, err := d.read(ctx)
	if err == nil {
		err = d.keeper.Offer(ctx, arrival)
	}
	switch {
	case order.Pin == "":
		return err
	case d.keeper.Engines.Current() == nil:
		return policyError{errors.Join(failed, err)}
	case err != nil:
		d.keeper.Fail(err)
	}
	return nil
}

// read reads the tree of the place, or the embedded one.
func (d *delivery) read(ctx context.Context) (shipping.Arrival, error) {
	if d.place == nil {
		return shipping.Embedded(), nil
	}
	return d.place.Read(ctx)
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
		Engines: &policies.Holder{}, Tests: s.PolicyTest, MaxGains: s.PolicyMaxGains, Logger: log,
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

// place returns the place that --policies names, or nil for the embedded tree.
func (s *policySettings) place() (shipping.Place, error) {
	if s.Policies == "" {
		return nil, nil
	}
	return s.at(s.Policies)
}

// engine compiles the policy tree, for commands that do not serve.
func (s *policySettings) engine(ctx context.Context) (*policies.Engine, error) {
	place, err := s.place()
	if err != nil {
		return nil, err
	}
	d := &delivery{keeper: s.keeper(slog.New(slog.DiscardHandler)), place: place}
	err = d.first(ctx, store.PolicyOrder{})
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

// orderPoll is the time between two reads of the order about the policy, and pinRetry
// the time between two attempts to put a pinned policy in force.
const (
	orderPoll = time.Second
	pinRetry  = 30
)

// obey follows the order about the policy until ctx ends. While the order cannot be
// read, the last one holds.
func (d *delivery) obey(ctx context.Context, read func(context.Context) (store.PolicyOrder, error)) {
	ticks := time.NewTicker(orderPoll)
	defer ticks.Stop()
	var last store.PolicyOrder
	for n := 0; ; n++ {
		order, err := read(ctx)
		if err == nil && (order != last || n%pinRetry == 0) {
			last = order
			_ = d.keeper.Obey(ctx, order.Pin, order.Confirmed) // the keeper logs the error
		}
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
	}
}

// start keeps the policies up to date until stop is called. It reports every attempt
// to the server.
func (d *delivery) start(s *server.Server, st *store.Store, log *slog.Logger) (stop func()) {
	d.keeper.Done = s.PolicyLoaded
	d.keeper.Held = func(cause shipping.Cause, holds bool) { s.PolicyHeld(string(cause), holds) }
	d.keeper.Held(shipping.Pinned, d.keeper.Pin() != "")
	if d.keeper.MaxGains < 100 {
		d.keeper.Gains = s.PolicyGains
	}
	if d.keeper.Engines.Current() != nil {
		s.PolicyLoaded(nil)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { d.obey(ctx, st.PolicyOrder) })
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
