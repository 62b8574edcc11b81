package decisionlog

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"
)

// Events that records report.
const (
	eventStarted = "started" // a process started writing
	eventRotated = "rotated" // the chain continues in this file
	eventTorn    = "torn"    // a write failed in the middle and left the lines before this record
	eventDropped = "dropped" // entries were dropped since the last record
	eventStopped = "stopped" // the process stopped in order
	eventProfile = "profile" // what the policy reads about a user, which later entries refer to
	eventAccess  = "access"  // the access that a change gives or takes, which later entries refer to
	eventAnswer  = "answer"  // the long part of an answer, which later entries refer to
)

// record is a line that is not an entry.
type record struct {
	Event     string    `json:"event"`
	Timestamp time.Time `json:"timestamp"`
	Prev      string    `json:"prev"` // MAC of the previous line, so that a file can be checked alone
	Key       string    `json:"key"`  // Key.ID
	Dropped   int       `json:"dropped,omitempty"`
	Torn      []piece   `json:"torn,omitempty"`
}

// piece is a broken line that a failure left directly before the record that reports
// it.
type piece struct {
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"`
}

func newPiece(text []byte) piece {
	sum := sha256.Sum256(text)
	return piece{Bytes: len(text), SHA256: hex.EncodeToString(sum[:])}
}

var recordStart = []byte(`{"event":`)

// readRecord reads a record; ok is false for any other line.
func readRecord(line []byte) (r record, ok bool) {
	if !bytes.HasPrefix(line, recordStart) || json.Unmarshal(line, &r) != nil {
		return record{}, false
	}
	return r, true
}
