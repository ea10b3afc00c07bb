drop index nba.clean_box_score_spelling;
