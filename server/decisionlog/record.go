package decisionlog

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"
)

// The events that records tell of.
const (
	eventStarted = "started" // a process began to write
	eventRotated = "rotated" // the chain goes on in this file
	eventTorn    = "torn"    // a write broke off; the lines before this one are what it left
	eventDropped = "dropped" // entries were dropped since the last record
	eventStopped = "stopped" // the process ended in order
)

// record is a line that is no entry.
type record struct {
	Event     string    `json:"event"`
	Timestamp time.Time `json:"timestamp"`
	Prev      string    `json:"prev"` // mac of the line before, so that a file can be checked by itself
	Key       string    `json:"key"`  // Key.ID
	Dropped   int       `json:"dropped,omitempty"`
	Torn      []piece   `json:"torn,omitempty"`
}

// piece is a line that a fault left, right before the record that tells of it.
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
