// Package input holds the question that a policy answers: who wants to do what
// to which resource, and under which circumstances. It builds the document that
// a full evaluation reads, and says which parts of it are late: known only once
// a request is there, so that one plan serves many requests.
package input
