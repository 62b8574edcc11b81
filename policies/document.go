package policies

// Document returns exactly what a full evaluation reads, and what the decision
// log records. Absent values are absent keys.
func (in *Input) Document() map[string]any { return nil }
