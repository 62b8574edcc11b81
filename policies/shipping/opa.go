package shipping

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/open-policy-agent/opa/v1/hooks"
	"github.com/open-policy-agent/opa/v1/plugins"
	"github.com/open-policy-agent/opa/v1/plugins/bundle"
	"github.com/open-policy-agent/opa/v1/plugins/discovery"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	bundles "github.com/open-policy-agent/opa/v1/bundle"

	"resellerd/policies"
	"resellerd/policies/rego"
)

// OPA runs OPA's own plugins from an OPA configuration file: bundles (with
// services, keys and persistence), discovery, status and decision logs.
type OPA struct {
	manager   *plugins.Manager
	discovery *discovery.Discovery
	changed   chan struct{}
	fetches   bool
	logs      bool
	entries   chan []byte

	mu     sync.Mutex
	keeper *Keeper // receives fetch failures
}

// NewOPA reads a configuration but starts nothing. It replaces variables such
// as ${TOKEN} with the result of env.
func NewOPA(text []byte, env func(name string) string, log *slog.Logger) (*OPA, error) {
	required := hooks.New(&signatures{log: log})
	manager, err := plugins.New(expand(text, env), "resellerd-"+strings.ToLower(rand.Text()), inmem.New(),
		plugins.Logger(opaLogger{log: log}), plugins.ConsoleLogger(opaLogger{log: log}), plugins.WithHooks(required))
	if err != nil {
		return nil, fmt.Errorf("opa configuration: %w", err)
	}
	o := &OPA{manager: manager, changed: make(chan struct{}, 1), entries: make(chan []byte, shipQueue)}
	if o.discovery, err = discovery.New(manager, discovery.Hooks(required)); err != nil {
		return nil, fmt.Errorf("opa configuration: %w", err)
	}
	manager.Register(discovery.Name, o.discovery)
	c := manager.GetConfig()
	o.fetches = len(c.Bundles) > 0 || len(c.Discovery) > 0
	o.logs = len(c.DecisionLogs) > 0 || len(c.Discovery) > 0
	return o, nil
}

// Fetches reports whether the configuration names a source of policies.
func (o *OPA) Fetches() bool { return o.fetches }

// Logs reports whether the configuration may name a destination for decision
// logs. With discovery, this is not known in advance.
func (o *OPA) Logs() bool { return o.logs }

// Run runs the plugins until ctx ends. It offers fetched policies to the
// keeper, which may be nil if the configuration fetches none.
func (o *OPA) Run(ctx context.Context, k *Keeper) error {
	if err := o.start(ctx, k); err != nil {
		return fmt.Errorf("opa: %w", err)
	}
	defer o.stop()
	var shipped sync.WaitGroup
	shipped.Go(func() { o.ship(ctx) })
	defer shipped.Wait()
	if k != nil && o.fetches {
		Follow(ctx, k, o, opaPoll)
	}
	<-ctx.Done()
	return nil
}

func (o *OPA) start(ctx context.Context, k *Keeper) error {
	o.mu.Lock()
	o.keeper = k
	o.mu.Unlock()
	err := storage.Txn(ctx, o.manager.Store, storage.WriteParams, func(txn storage.Transaction) error {
		_, err := o.manager.Store.Register(ctx, txn, storage.TriggerConfig{
			OnCommit: func(context.Context, storage.Transaction, storage.TriggerEvent) { o.tell() },
		})
		return err
	})
	if err != nil {
		return err
	}
	o.listen()
	o.discovery.RegisterListener(o, func(s bundle.Status) {
		o.failed(&s)
		go o.listen() // discovery may have added a bundle plugin
	})
	if err := o.manager.Start(ctx); err != nil {
		return err
	}
	o.listen()
	return nil
}

// opaPoll is how often the plugins' store is read without a notification.
const opaPoll = time.Minute

// stopTime is the time limit for the plugins to send their remaining data.
const stopTime = 5 * time.Second

func (o *OPA) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	o.manager.Stop(ctx)
}

func (o *OPA) tell() {
	select {
	case o.changed <- struct{}{}:
	default:
	}
}

// listen registers for the results of downloads, if there is a bundle plugin.
func (o *OPA) listen() {
	p := bundle.Lookup(o.manager)
	if p == nil {
		return
	}
	p.Register(o, func(s bundle.Status) {
		o.failed(&s)
		o.tell()
	})
}

// failed reports a bundle that could not be fetched, verified or compiled to
// the keeper.
func (o *OPA) failed(s *bundle.Status) {
	o.mu.Lock()
	k := o.keeper
	o.mu.Unlock()
	if s.Code == "" || k == nil {
		return
	}
	if len(s.Errors) == 0 {
		k.Fail(fmt.Errorf("bundle %s: %s", s.Name, s.Message))
		return
	}
	var findings []rego.Finding
	for _, err := range s.Errors {
		var refused *rego.LoadError
		if errors.As(policies.Refused("bundle", err), &refused) {
			findings = append(findings, refused.Findings...)
		}
	}
	k.Fail(&rego.LoadError{Findings: findings})
}

func (o *OPA) watch() (<-chan struct{}, func()) { return o.changed, func() {} }

// Read returns the combined content of all bundles at one moment. It returns
// errNotYet while one of them is missing, because a part of a policy must not
// be used.
func (o *OPA) Read(ctx context.Context) (Arrival, error) {
	p := bundle.Lookup(o.manager)
	if p == nil || len(p.NotActivated()) > 0 {
		return Arrival{}, errNotYet
	}
	var modules map[string][]byte
	var data map[string]any
	revisions := map[string]string{}
	err := storage.Txn(ctx, o.manager.Store, storage.TransactionParams{}, func(txn storage.Transaction) error {
		names, err := bundles.ReadBundleNamesFromStore(ctx, o.manager.Store, txn)
		if err != nil {
			return err
		}
		for _, name := range names {
			if revisions[name], err = bundles.ReadBundleRevisionFromStore(ctx, o.manager.Store, txn, name); err != nil {
				return err
			}
		}
		if modules, err = o.modules(ctx, txn, names); err != nil {
			return err
		}
		data, err = o.data(ctx, txn)
		return err
	})
	if storage.IsNotFound(err) {
		return Arrival{}, errNotYet
	}
	if err != nil {
		return Arrival{}, fmt.Errorf("opa: %w", err)
	}
	f, err := bundled(modules, data)
	if err != nil {
		return Arrival{}, err
	}
	return f.arrival("opa", revisions)
}

// modules returns the modules as written. If there is only one bundle, it
// removes the bundle's name from their paths.
func (o *OPA) modules(ctx context.Context, txn storage.Transaction, names []string) (map[string][]byte, error) {
	ids, err := o.manager.Store.ListPolicies(ctx, txn)
	if err != nil {
		return nil, err
	}
	out := map[string][]byte{}
	for _, id := range ids {
		content, err := o.manager.Store.GetPolicy(ctx, txn, id)
		if err != nil {
			return nil, err
		}
		out[short(id, names)] = content
	}
	return out, nil
}

func short(id string, names []string) string {
	if len(names) != 1 {
		return id
	}
	prefix := names[0]
	if u, err := url.Parse(prefix); err == nil {
		prefix = path.Join(u.Host, u.Path)
	}
	return strings.TrimPrefix(strings.TrimPrefix(id, prefix), "/")
}

// kept lists the parts of data.system that OPA uses for its own records.
var kept = []string{"bundle", "bundles", "modules", "module_info", "version"}

// data returns a copy of the data without OPA's own records.
func (o *OPA) data(ctx context.Context, txn storage.Transaction) (map[string]any, error) {
	value, err := o.manager.Store.Read(ctx, txn, storage.RootPath)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	var data map[string]any
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber()
	if err := decoder.Decode(&data); err != nil {
		return nil, err
	}
	if system, ok := data["system"].(map[string]any); ok {
		for _, name := range kept {
			delete(system, name)
		}
		if len(system) == 0 {
			delete(data, "system")
		}
	}
	return data, nil
}
