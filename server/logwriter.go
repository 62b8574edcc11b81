package server

import (
	"fmt"
	"os"

	"resellerd/server/decisionlog"
)

// openDecisionLog opens the decision log that the settings name.
func (s *Server) openDecisionLog() error {
	c := s.cfg
	o := decisionlog.Options{
		Path: c.DecisionLog, Out: s.logOut, Sync: c.DecisionLogMode == "sync", Refuse: c.DecisionLogFull == "refuse",
		Patience: c.Limits.Request, Buffer: c.DecisionLogBuffer, Fsync: c.DecisionLogSync, RotateSize: c.DecisionLogRotateSize,
		RotateAge: c.DecisionLogRotateAge, Keep: c.DecisionLogKeep, Checkpoints: c.DecisionLogCheckpoints,
		Now: s.now, Logger: s.logger,
		Written: s.metrics.logCount("written"), Dropped: s.metrics.logCount("dropped"),
	}
	switch {
	case o.Out != nil:
	case c.DecisionLog == "none":
		return nil
	case c.DecisionLog == "stdout":
		o.Out = os.Stdout
	}
	if c.DecisionLogKeyFile == "" {
		s.logger.Info("the chain of the decision log has no key: a person who can write the log can also forge it; set --decision-log-key-file")
	} else {
		var err error
		if o.Key, err = decisionlog.ReadKey(c.DecisionLogKeyFile); err != nil {
			return inSettings(err)
		}
	}
	var err error
	s.log, err = decisionlog.Open(o)
	return err
}

// logFault returns the reason why the decision log refuses requests, or nil. A
// log that drops entries never refuses a request.
func (s *Server) logFault() error {
	if s.log == nil || s.cfg.DecisionLogMode != "sync" && s.cfg.DecisionLogFull != "refuse" {
		return nil
	}
	if err := s.log.Fault(); err != nil {
		return fmt.Errorf("decision log cannot be written: %w", err)
	}
	return nil
}

// closeLog writes the waiting entries and closes the log.
func (s *Server) closeLog() error {
	if s.log == nil {
		return nil
	}
	return s.log.Close()
}
