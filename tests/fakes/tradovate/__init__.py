"""A fake of Tradovate's REST interface: a real HTTP or HTTPS server, and an account that a test drives.

What it is: the requests that reading an account needs (access token, renewal, accounts, positions, orders,
fills, contracts, cash balance), with the names and kinds of fields of Tradovate's reference ("REST API
endpoints" of partner.tradovate.com), and its refusals: `errorText`, penalty tickets, 401, 429.

What it is not: nobody has tried any of it, nor portfold's reading of it, against the live service. So these
are guesses:
- when `netLiq`, `openPnL` and `realizedPnL` change, and whether they are net of commissions (here: at once
  with each price and fill, and the cash and `realizedPnL` pay each commission with its fill);
- that `order/list` and `fill/list` hold the day's, of all accounts of the login (here: all there ever were);
- in what words a wrong password is refused (here: HTTP 200 with `errorText`, as the reference says);
- that a position which is closed stays in the list with `netPos` 0;
- how many sessions a login has (here: two, the oldest ends with 401);
- whether a GET that was answered with a ticket is answered without it once its time is over (here: yes).
"""
