package shipping

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/open-policy-agent/opa/v1/logging"
	"github.com/open-policy-agent/opa/v1/plugins/logs"
	"github.com/open-policy-agent/opa/v1/server"
	"github.com/open-policy-agent/opa/v1/storage"
)

// shipQueue is the number of entries that may wait for OPA's plugin.
const shipQueue = 4096

// Ship passes a line of the decision log, already masked, to OPA's decision
// log plugin. It copies the line and never blocks. It returns false if it
// dropped the line because the queue is full.
func (o *OPA) Ship(line []byte) bool {
	select {
	case o.entries <- append([]byte(nil), line...):
		return true
	default:
		return false
	}
}

// ship passes entries on until ctx ends, and then the entries that still wait.
func (o *OPA) ship(ctx context.Context) {
	whole := context.WithoutCancel(ctx)
	for {
		select {
		case line := <-o.entries:
			o.pass(whole, line)
			continue
		default:
		}
		select {
		case line := <-o.entries:
			o.pass(whole, line)
		case <-ctx.Done():
			if len(o.entries) == 0 {
				return
			}
		}
	}
}

func (o *OPA) pass(ctx context.Context, line []byte) {
	plugin := logs.Lookup(o.manager)
	if plugin == nil {
		return
	}
	info, err := eventOf(line)
	if err == nil {
		err = storage.Txn(ctx, o.manager.Store, storage.TransactionParams{}, func(txn storage.Transaction) error {
			info.Txn = txn
			return plugin.Log(ctx, info)
		})
	}
	if err != nil {
		o.manager.Logger().Error("decision log entry not shipped: %v", err)
	}
}

// entry has the fields of a line that OPA's log also has.
type entry struct {
	DecisionID  string    `json:"decision_id"`
	Path        string    `json:"path"`
	Timestamp   time.Time `json:"timestamp"`
	Input       *any      `json:"input"`
	Result      *any      `json:"result"`
	RequestedBy string    `json:"requested_by"`
}

var ofOPA = []string{"decision_id", "path", "timestamp", "input", "result", "requested_by"}

// eventOf parses a line. Fields that OPA's log lacks go under "custom".
func eventOf(line []byte) (*server.Info, error) {
	var e entry
	var rest map[string]any
	if err := errors.Join(json.Unmarshal(line, &e), json.Unmarshal(line, &rest)); err != nil {
		return nil, fmt.Errorf("decision log entry: %w", err)
	}
	maps.DeleteFunc(rest, func(name string, _ any) bool {
		for _, own := range ofOPA {
			if own == name {
				return true
			}
		}
		return false
	})
	return &server.Info{
		DecisionID: e.DecisionID, Path: e.Path, Timestamp: e.Timestamp, Input: e.Input, Results: e.Result,
		RemoteAddr: e.RequestedBy, Custom: rest,
	}, nil
}

// opaLogger writes OPA's log lines to the process's own log. It writes the
// lines of the bundle plugin at debug level only, because the keeper reports
// bundle failures.
type opaLogger struct {
	log    *slog.Logger
	fields []any
	quiet  bool
}

// Debug implements logging.Logger.
func (l opaLogger) Debug(format string, args ...any) { l.write(slog.LevelDebug, format, args) }

// Info implements logging.Logger.
func (l opaLogger) Info(format string, args ...any) { l.write(slog.LevelDebug, format, args) }

// Warn implements logging.Logger.
func (l opaLogger) Warn(format string, args ...any) { l.write(slog.LevelWarn, format, args) }

// Error implements logging.Logger.
func (l opaLogger) Error(format string, args ...any) { l.write(slog.LevelError, format, args) }

func (l opaLogger) write(level slog.Level, format string, args []any) {
	if l.quiet {
		level = slog.LevelDebug
	}
	if !l.log.Enabled(context.Background(), level) {
		return
	}
	l.log.Log(context.Background(), level, "opa: "+fmt.Sprintf(format, args...), l.fields...)
}

// WithFields implements logging.Logger.
func (l opaLogger) WithFields(fields map[string]any) logging.Logger {
	out := opaLogger{log: l.log, quiet: l.quiet || fields["plugin"] == "bundle"}
	out.fields = append(out.fields, l.fields...)
	for name, value := range fields {
		out.fields = append(out.fields, "opa_"+name, fmt.Sprint(value))
	}
	return out
}

// GetLevel implements logging.Logger.
func (l opaLogger) GetLevel() logging.Level {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		return logging.Debug
	}
	return logging.Warn
}

// SetLevel implements logging.Logger. It does nothing, because the process's
// own log sets the level.
func (l opaLogger) SetLevel(logging.Level) {}
