package shipping

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"sync/atomic"

	"github.com/open-policy-agent/opa/v1/config"
)

var variable = regexp.MustCompile(`\$\{[^}]*\}`)

// expand replaces ${NAME} in a configuration with the environment variable
// NAME, as OPA does. A variable that is not set becomes empty.
func expand(text []byte, env func(name string) string) []byte {
	return variable.ReplaceAllFunc(text, func(ref []byte) []byte {
		return []byte(env(string(ref[2 : len(ref)-1])))
	})
}

// signatures is a hook that requires signatures as soon as keys are
// configured. OPA alone accepts an unsigned bundle if the bundle's section has
// no "signing".
type signatures struct {
	log   *slog.Logger
	keyed atomic.Bool // the configuration file contains keys
}

// OnConfig is called with the configuration from the file.
func (h *signatures) OnConfig(_ context.Context, c *config.Config) (*config.Config, error) {
	return c, h.require(c, "")
}

// OnConfigDiscovery is called with the configuration from a discovery bundle.
func (h *signatures) OnConfigDiscovery(_ context.Context, c *config.Config) (*config.Config, error) {
	return c, h.require(c, "discovered ")
}

func (h *signatures) require(c *config.Config, what string) error {
	if len(c.Bundle) > 0 {
		return errors.New(`the section "bundle" is out of date and knows no signatures: use "bundles"`)
	}
	if len(c.Keys) > 0 && string(c.Keys) != "null" {
		h.keyed.Store(true)
	}
	if !h.keyed.Load() {
		return nil
	}
	var err error
	if c.Discovery, err = h.sign(c.Discovery, what+"discovery"); err != nil {
		return err
	}
	if len(c.Bundles) == 0 {
		return nil
	}
	var bundles map[string]json.RawMessage
	if err := json.Unmarshal(c.Bundles, &bundles); err != nil {
		return fmt.Errorf("bundles: %w", err)
	}
	for name := range bundles {
		if bundles[name], err = h.sign(bundles[name], what+"bundle "+name); err != nil {
			return err
		}
	}
	c.Bundles, err = json.Marshal(bundles)
	return err
}

// sign adds an empty "signing" to a section that has none.
func (h *signatures) sign(section json.RawMessage, name string) (json.RawMessage, error) {
	if len(section) == 0 || string(section) == "null" {
		return section, nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(section, &fields); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if signing := string(fields["signing"]); signing != "" && signing != "null" {
		return section, nil
	}
	h.log.Warn("a signature is required because keys are configured", "of", name)
	fields["signing"] = json.RawMessage("{}")
	return json.Marshal(fields)
}
