// Package input holds the question that a policy answers: who wants to do what
// to which resource, under which circumstances. It builds the document that a
// full evaluation reads. It also defines which parts of the document are late:
// they are bound when a request arrives, so that one plan serves many requests.
package input
