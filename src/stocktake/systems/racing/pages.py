"""Pages of racing, besides those every system has."""

from stocktake import pages

RACE = ("race", "races/{_race_id}")

PAGES = (
    pages.Page(
        "years",
        "Years and courses",
        (
            pages.Panel("By year", "years"),
            pages.Panel("Enrichment", "enrichment", shape="card"),
            pages.Panel("Races per course", "courses_by_year", shape="matrix"),
        ),
        text="What the tables hold; what they should hold stands on the page of each dataset.",
        icon="#",
    ),
    pages.Page(
        "leaders",
        "Leaders",
        (
            pages.Panel(
                "Jockeys with trainers",
                "leaders",
                empty="No pair has so many runs together yet: lower the number, or load more days.",
            ),
        ),
        choices=(pages.Choice("min_runs", "At least so many runs", "5", low=1, high=100),),
        text="Among pairs with enough runs together, by share of wins.",
        icon="★",
    ),
    pages.Page(
        "days/{day}",
        "Races of a day",
        (pages.Panel("Races", "race_day", links=(RACE,)),),
    ),
    pages.Page(
        "races/{race_id}",
        "{race}",
        (
            pages.Panel("The race", "race", shape="card", links=(("date", "days/{date}"),)),
            pages.Panel("Runners", "race_card", links=(("horse", "horses/{_horse_id}"),)),
        ),
        trace=("ra_races", "race_id"),
    ),
    pages.Page(
        "horses/{horse_id}",
        "{horse}",
        (
            pages.Panel("The horse", "horse", shape="card"),
            pages.Panel(
                "Form",
                "horse_form",
                links=(RACE, ("day", "days/{day}")),
                empty="No run of it is held.",
            ),
        ),
    ),
)
