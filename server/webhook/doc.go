// Package webhook delivers changes to addresses that carriers name, as Standard Webhooks
// (https://www.standardwebhooks.com) describes. It does not know HTTP servers.
//
// Its terms:
//
//	webhook      an address, and the user whose rights decide what is delivered there
//	message      what is delivered: one answer of package feed
//	dead letter  a message that was not delivered in any attempt
//	cursor       how far a webhook has been told: it moves when the receiver has answered 2xx
//	lease        which of several processes delivers
package webhook
