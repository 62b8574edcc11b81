package server

// getAudit lists audit entries, the newest first. An entry shows the changes of
// the columns that the reader may see on such a row now.
func getAudit(r *exchange) error {
	p, err := r.ReadPlan("audit")
	if err != nil {
		return err
	}
	return r.answerList(p.NewestFirst(p.Query()), shownColumns("audit", p.Plan), r.AppendEntry)
}
