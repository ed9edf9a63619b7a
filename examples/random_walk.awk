# A market in another language: forty walkers quote around a price that walks at random, and meet in pairs.
#
#     awk -v seed=7 -v pause=0.1 -f examples/random_walk.awk | python manage.py live --source 'stdin?price_range=0,200'
#
# A tick is one line of JSON. -v ticks=1000 ends after so many; -v pause=0.1 waits so many seconds between two.

BEGIN {
    srand(seed); price = 100; agents = 40
    for (t = 0; ticks == "" || t < ticks; t++) {
        price += rand() - 0.5
        if (price < 1) price = 1
        if (price > 199) price = 199
        printf "{\"type\":\"tick\",\"t\":%d,", t
        printf "\"s\":{\"price_norm\":%.6f,\"volatility\":0.003,\"liquidity\":1.0,\"imbalance\":0.0},", price / 200
        printf "\"agents\":["
        for (i = 0; i < agents; i++) printf "%s{\"name\":\"walker %d\",\"experience\":0.5}", i ? "," : "", i
        printf "],\"actions\":["
        for (i = 0; i < agents; i++)
            printf "%s{\"id\":%d,\"side\":\"%s\",\"price\":%.2f,\"size\":1}", i ? "," : "", i, i % 2 ? "sell" : "buy", price + rand() - 0.5
        printf "],\"matches\":["
        for (i = 0; i < 10; i++)  # some buyer with some seller
            printf "%s{\"a\":%d,\"b\":%d,\"prob\":1.0,\"price\":%.2f,\"size\":1}", i ? "," : "", 2 * int(rand() * agents / 2), 2 * int(rand() * agents / 2) + 1, price
        printf "]}\n"
        fflush()
        if (pause) system("sleep " pause)
    }
}
