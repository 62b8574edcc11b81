// Package record turns a decision into a line of the decision log. It writes the
// line under the policy's mask, keeps the last decisions in memory, and reads a
// line back. It decides nothing and opens no file.
package record
