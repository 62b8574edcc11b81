package server

// getAudit lists audit entries, the newest first. It shows what changed in the
// columns that the reader may see of such a row now.
func getAudit(r *exchange) error {
	p, err := r.ReadPlan("audit")
	if err != nil {
		return err
	}
	return r.answerList(p.NewestFirst(p.Query()), shownColumns("audit", p.Plan), r.AppendEntry)
}
