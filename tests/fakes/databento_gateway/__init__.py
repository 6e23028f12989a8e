"""A fake of Databento: the live gateway over TCP, and the historical API over HTTPS, for the real client.

It speaks what the client `databento` 0.87 speaks, and what docs/api-live of databento.com says of the
protocol: greeting, CRAM challenge, authentication, subscriptions, start of the session; then DBN, made with
`databento_dbn`: metadata, symbol mappings, records, replay, ends of intervals, heartbeats, system and error
messages. A test moves the market (`market.Market`) and what goes wrong (`gateway.Gateway`).

Nobody has tried any of it against the live service, so these are guesses:
- the words of refusals and system messages (the codes are the documented ones; a refused key has words only);
- that a subscription to a schema that is replayed is told as caught up once a schema;
- the order of mappings, acknowledgements and replayed records at the beginning of a session;
- what is answered to a `start` from before what is kept: here an error of code 5, and the session ends;
- how long a broken connection counts towards the limit of sessions: here until its socket is closed;
- that ends of intervals are sent while replaying, and in seconds in which nothing was traded: here only those
  that a test sends.
"""
