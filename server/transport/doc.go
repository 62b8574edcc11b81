// Package transport listens, and looks after connections and the lives of the
// requests on them: slow readers, clients that have gone, and a system without
// file descriptors.
package transport
