// Package record turns a decision into a line of the decision log. It writes the line
// under the policy's mask, keeps the latest decisions in memory, and parses lines. It
// makes no decisions and opens no files.
package record
