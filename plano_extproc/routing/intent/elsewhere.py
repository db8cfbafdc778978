"""What a text may be about instead: everyday subjects that no route needs to name.

One route alone has no rivals, and whatever is a little like it would seem to belong to it. A text that is as much about
one of these subjects as about the nearest route leads by nothing. Where the route is about such a subject itself, the
subject is no rival of it.
"""

from typing import Final

SUBJECTS: Final = tuple(
    line.strip()
    for line in """
    planning projects, tasks, goals and deadlines of a team
    scheduling meetings, calendars and appointments
    advice on relationships, friends, family and feelings
    tips for gardening, plants and flowers
    cooking recipes, ingredients and meals
    restaurants, food delivery and drinks
    weather, rain, sun and temperature
    booking flights, airports and luggage
    hotels, vacations and tourist sights
    trains, buses, traffic and directions
    cars, repairs, tires and fuel
    bank accounts, transfers and balances
    credit cards, loans and interest
    taxes, income and pensions
    insurance policies and claims
    investing, stocks and cryptocurrency
    shopping, orders, parcels and returns
    prices, discounts and subscriptions
    passwords, logins and user accounts
    computers, printers and software problems
    phones, apps and contacts
    internet, wifi and networks
    writing code, functions and programs
    fixing bugs and errors in code
    databases, queries and spreadsheets
    servers, deployment and cloud
    mathematics, equations and numbers
    converting units, measures and currencies
    physics, chemistry and space
    biology, animals and pets
    history, wars and presidents
    politics, elections and government
    geography, countries and cities
    religion, philosophy and the meaning of life
    school, homework, exams and universities
    jobs, applications, salaries and interviews
    vacation days, sick leave and human resources
    doctors, illness, symptoms and medicine
    diet, nutrition, calories and weight
    sports, teams, games and scores
    exercise, fitness and training
    movies, series, actors and television
    music, songs, bands and concerts
    books, novels, poems and stories
    jokes, riddles and small talk
    greetings, thanks and goodbye
    video games, chess and puzzles
    art, painting, photography and design
    fashion, clothes and beauty
    houses, rent, apartments and furniture
    cleaning, laundry and repairs at home
    lights, heating and devices at home
    alarms, timers and reminders
    time, dates, holidays and time zones
    news, headlines and events
    translating words into other languages
    spelling, grammar and definitions of words
    summarizing articles and documents
    writing emails, letters and speeches
    marketing, advertising and social media
    sales, customers and contracts
    law, crime, police and courts
    immigration, visas and passports
    children, parenting and babies
    weddings, birthdays, parties and gifts
    the environment, energy and climate
    farming, nature and forests
    machines, engineering and tools
    the assistant itself, its name, its voice and what it can do
    """.strip().splitlines()
)
