"""Pages of racing, besides those every system has."""

from stocktake import Choice, Page, Panel

RACE = ("race", "races/{_race_id}")

PAGES = (
    Page(
        "years",
        "Years and courses",
        (
            Panel("By year", "years"),
            Panel("Enrichment", "enrichment", shape="card"),
            Panel("Races per course", "courses_by_year", shape="matrix"),
        ),
        text="What the tables hold; what they should hold stands on the page of each dataset.",
        icon="#",
    ),
    Page(
        "leaders",
        "Leaders",
        (
            Panel(
                "Jockeys with trainers",
                "leaders",
                empty="No pair has so many runs together yet: lower the number, or load more days.",
            ),
        ),
        choices=(Choice("min_runs", "At least so many runs", "5", low=1, high=100),),
        text="Among pairs with enough runs together, by share of wins.",
        icon="★",
    ),
    Page(
        "days/{day}",
        "Races of a day",
        (Panel("Races", "race_day", links=(RACE,)),),
    ),
    Page(
        "races/{race_id}",
        "{race}",
        (
            Panel("The race", "race", shape="card", links=(("date", "days/{date}"),)),
            Panel("Runners", "race_card", links=(("horse", "horses/{_horse_id}"),)),
        ),
        trace=("ra_races", "race_id"),
    ),
    Page(
        "horses/{horse_id}",
        "{horse}",
        (
            Panel("The horse", "horse", shape="card"),
            Panel(
                "Form",
                "horse_form",
                links=(RACE, ("day", "days/{day}")),
                empty="No run of it is held.",
            ),
        ),
    ),
)
