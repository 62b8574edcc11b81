// Package transport listens, and manages connections and the contexts of requests. It
// handles slow readers, clients that disconnect, and a lack of file descriptors.
package transport
